import { randomUUID } from 'node:crypto';
import { link, mkdir, open, readdir, rename, stat, statfs, unlink, utimes } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { StageClock } from '@sealift/core';
import { fail } from '../failures.ts';
import { FilesystemGrowingFile } from './growing-file.ts';
import { OpenFiles } from './open-files.ts';
import { errnoOf, storageFailure } from './storage-failure.ts';
import type { GrowingFile, Packing, Store } from './store.ts';

/** Files that grow and files being published stand here until they get their final names. */
const INCOMING = 'incoming';
const MOST_OPEN_FILES = 32;
const PACKING: Packing = {
  growsDurably: true,
  group: 4 * 1024 * 1024,
  waiting: 16 * 1024 * 1024,
  idle: 3,
  longestWait: 30,
  parallel: 3,
};

/**
 * A repository in a folder of a local or mounted filesystem that has hard links and honours fsync.
 *
 * @param clock told how long reading, writing and syncing takes
 */
export function filesystemStore(directory: string, clock = new StageClock()): Store {
  return new FilesystemStore(resolve(directory), clock);
}

class FilesystemStore implements Store {
  readonly location: string;
  readonly packing = PACKING;
  readonly manyWriters = false;
  readonly #clock: StageClock;
  readonly #readers = new OpenFiles(MOST_OPEN_FILES);
  readonly #folders = new Set<string>();

  constructor(directory: string, clock: StageClock) {
    this.location = directory;
    this.#clock = clock;
  }

  async read(name: string, offset: number, length: number): Promise<Buffer<ArrayBuffer>> {
    const path = this.#path(name);
    const bytes = Buffer.allocUnsafeSlow(length);
    let filled = 0;
    const fill = () =>
      this.#readers.use(path, async (file) => {
        while (filled < length) {
          const { bytesRead } = await file.read(bytes, filled, length - filled, offset + filled);
          if (bytesRead === 0) break;
          filled += bytesRead;
        }
      });
    await this.#clock.timeUntil('read', () => this.#attempt('Reading', path, fill));
    if (filled < length) {
      throw fail('format-damaged', `${path} ends at ${offset + filled}, before ${offset + length}: it is cut off.`);
    }
    return bytes;
  }

  async readTail(name: string, most: number): Promise<{ tail: Buffer<ArrayBuffer>; length: number }> {
    const path = this.#path(name);
    const { size } = await this.#attempt('Reading', path, () => this.#readers.use(path, (file) => file.stat()));
    const span = Math.min(most, size);
    return { tail: await this.read(name, size - span, span), length: size };
  }

  async list(folder: string): Promise<string[]> {
    const path = this.#path(folder);
    try {
      const found = await readdir(path, { withFileTypes: true, recursive: true });
      return found
        .filter((item) => item.isFile())
        .map((item) => join(item.parentPath, item.name).slice(this.location.length + 1));
    } catch (thrown) {
      if (errnoOf(thrown) === 'ENOENT') return [];
      throw storageFailure(thrown, 'Listing', path);
    }
  }

  async publish(name: string, bytes: Buffer): Promise<void> {
    const file = await this.grow(`${randomUUID()}.tmp`);
    try {
      await file.append([bytes]);
      await file.sync();
      await this.#linkNew(file.name, name);
    } finally {
      await file.discard();
    }
  }

  async grow(name: string): Promise<GrowingFile> {
    const temporary = join(INCOMING, name);
    const path = this.#path(temporary);
    await this.#ensureFolder(INCOMING);
    const handle = await this.#attempt('Creating', path, () => open(path, 'wx', 0o600));
    const file = new FilesystemGrowingFile(temporary, path, handle, {
      rename: (from, to) => this.#rename(from, to),
      settle: (settled) => this.#syncFolder(dirname(settled)),
      // What nobody published is removed again at the next opening.
      remove: (gone) => this.#unlink(gone),
      clock: this.#clock,
    });
    try {
      // The name must survive a crash as surely as the synced bytes do.
      await this.#syncFolder(INCOMING);
    } catch (thrown) {
      await file.discard();
      throw thrown;
    }
    return file;
  }

  unfinished(): Promise<string[]> {
    return this.list(INCOMING);
  }

  async remove(name: string): Promise<void> {
    await this.#unlink(name);
    // Also after ENOENT: an earlier attempt may have removed it and failed before this.
    await this.#syncFolder(dirname(name)).catch((thrown) => {
      if (thrown.code !== 'file-missing') throw thrown;
    });
  }

  async mark(name: string): Promise<void> {
    const path = this.#path(name);
    await this.#ensureFolder(dirname(name));
    await this.#attempt('Creating', path, async () => (await open(path, 'wx', 0o600)).close());
  }

  async renewMark(name: string): Promise<boolean> {
    const now = new Date();
    try {
      await utimes(this.#path(name), now, now);
      return true;
    } catch (thrown) {
      if (errnoOf(thrown) === 'ENOENT') return false;
      throw storageFailure(thrown, 'Renewing', this.#path(name));
    }
  }

  async markAge(name: string): Promise<number | undefined> {
    try {
      return Date.now() - (await stat(this.#path(name))).mtimeMs;
    } catch (thrown) {
      if (errnoOf(thrown) === 'ENOENT') return undefined;
      throw storageFailure(thrown, 'Reading', this.#path(name));
    }
  }

  async canRetain(): Promise<boolean> {
    return false;
  }

  async retain(name: string): Promise<void> {
    throw fail(
      'store-unfit',
      `Nothing can keep ${this.#path(name)} from being removed by who may write to its folder.`,
    );
  }

  async freeBytes(): Promise<number> {
    const { bavail, bsize } = await this.#attempt('Measuring', this.location, () => statfs(this.location));
    return bavail * bsize;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#readers.close();
  }

  #path(name: string): string {
    return join(this.location, name);
  }

  async #unlink(name: string): Promise<void> {
    const path = this.#path(name);
    await this.#readers.forget(path);
    try {
      await unlink(path);
    } catch (thrown) {
      if (errnoOf(thrown) !== 'ENOENT') throw storageFailure(thrown, 'Removing', path);
    }
  }

  async #rename(from: string, to: string): Promise<void> {
    await this.#ensureFolder(dirname(to));
    await this.#attempt('Renaming', this.#path(from), () => rename(this.#path(from), this.#path(to)));
    await this.#readers.forget(this.#path(from));
    // What stood there before may still be open.
    await this.#readers.forget(this.#path(to));
  }

  /** Unlike rename, link refuses to replace what is there. */
  async #linkNew(from: string, to: string): Promise<void> {
    await this.#ensureFolder(dirname(to));
    try {
      await link(this.#path(from), this.#path(to));
    } catch (thrown) {
      if (errnoOf(thrown) === 'EEXIST') throw fail('file-exists', `${this.#path(to)} is there already.`);
      throw storageFailure(thrown, 'Creating', this.#path(to));
    }
    await this.#syncFolder(dirname(to));
  }

  /** Makes a folder with all above it and makes their names durable, once. */
  async #ensureFolder(folder: string): Promise<void> {
    if (this.#folders.has(folder)) return;
    const first = await this.#attempt('Creating', this.#path(folder), () =>
      mkdir(this.#path(folder), { recursive: true, mode: 0o700 }),
    );
    if (first !== undefined) {
      for (let path = this.#path(folder); path.length >= first.length; path = dirname(path))
        await this.#syncPath(dirname(path));
    }
    this.#folders.add(folder);
  }

  #syncFolder(folder: string): Promise<void> {
    return this.#syncPath(this.#path(folder));
  }

  async #syncPath(path: string): Promise<void> {
    await this.#attempt('Syncing', path, async () => {
      await using folder = await open(path, 'r');
      await folder.sync();
    });
  }

  async #attempt<T>(doing: string, path: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (thrown) {
      throw storageFailure(thrown, doing, path);
    }
  }
}
