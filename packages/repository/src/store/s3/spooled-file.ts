import { type FileHandle, open, rm } from 'node:fs/promises';
import { fail } from '../../failures.ts';
import { writeParts } from '../growing-file.ts';
import { storageFailure } from '../storage-failure.ts';
import type { GrowingFile } from '../store.ts';
import type { ReadSpan } from './uploads.ts';

/** What a spooled file needs of the store it is sent to. */
export interface SpoolHost {
  send(name: string, length: number, read: ReadSpan): Promise<void>;
  onClosed(file: SpooledFile): void;
}

/**
 * A file that grows on this machine and is sent to the object store when it is published. It is never synced: nothing
 * counts on it before, and most are gone again before the system writes them to the disk.
 */
export class SpooledFile implements GrowingFile {
  #name: string;
  readonly #path: string;
  readonly #handle: FileHandle;
  readonly #host: SpoolHost;
  #length = 0;
  #open = true;

  private constructor(name: string, path: string, handle: FileHandle, host: SpoolHost) {
    this.#name = name;
    this.#path = path;
    this.#handle = handle;
    this.#host = host;
  }

  static async begin(name: string, path: string, host: SpoolHost): Promise<SpooledFile> {
    try {
      return new SpooledFile(name, path, await open(path, 'wx+', 0o600), host);
    } catch (thrown) {
      throw storageFailure(thrown, 'Creating', path);
    }
  }

  get name(): string {
    return this.#name;
  }

  get length(): number {
    return this.#length;
  }

  async append(parts: Buffer[]): Promise<void> {
    try {
      this.#length = await writeParts(this.#handle, parts, this.#length);
    } catch (thrown) {
      throw storageFailure(thrown, 'Writing', this.#path);
    }
  }

  async sync(): Promise<void> {}

  async cutBack(length: number): Promise<void> {
    try {
      await this.#handle.truncate(length);
    } catch (thrown) {
      throw storageFailure(thrown, 'Truncating', this.#path);
    }
    this.#length = length;
  }

  async read(offset: number, length: number): Promise<Buffer<ArrayBuffer>> {
    const bytes = Buffer.allocUnsafeSlow(length);
    let filled = 0;
    try {
      while (filled < length) {
        const { bytesRead } = await this.#handle.read(bytes, filled, length - filled, offset + filled);
        if (bytesRead === 0) break;
        filled += bytesRead;
      }
    } catch (thrown) {
      throw storageFailure(thrown, 'Reading', this.#path);
    }
    if (filled < length) throw fail('format-damaged', `${this.#path} ends before ${offset + length}: it is cut off.`);
    return bytes;
  }

  async publish(name: string): Promise<void> {
    if (this.#name !== name) await this.#host.send(name, this.#length, (offset, length) => this.read(offset, length));
    this.#name = name;
    await this[Symbol.asyncDispose]();
  }

  discard(): Promise<void> {
    return this[Symbol.asyncDispose]();
  }

  /** Nobody takes up what was not published: it goes with the file. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#open) return;
    this.#open = false;
    this.#host.onClosed(this);
    await this.#handle.close();
    await rm(this.#path, { force: true });
  }
}
