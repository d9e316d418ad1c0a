import type { FileHandle } from 'node:fs/promises';
import type { StageClock } from '@sealift/core';
import { storageFailure } from './storage-failure.ts';
import type { GrowingFile } from './store.ts';

/** What a growing file needs of the store it belongs to. */
export interface GrowingHost {
  rename(from: string, to: string): Promise<void>;
  /** Makes the name of a file durable. */
  settle(name: string): Promise<void>;
  remove(name: string): Promise<void>;
  readonly clock: StageClock;
}

export class FilesystemGrowingFile implements GrowingFile {
  #name: string;
  readonly #path: string;
  readonly #handle: FileHandle;
  readonly #host: GrowingHost;
  #length = 0;
  #open = true;

  constructor(name: string, path: string, handle: FileHandle, host: GrowingHost) {
    this.#name = name;
    this.#path = path;
    this.#handle = handle;
    this.#host = host;
  }

  get name(): string {
    return this.#name;
  }

  get length(): number {
    return this.#length;
  }

  async append(parts: Buffer[]): Promise<void> {
    try {
      const writing = () => writeParts(this.#handle, parts, this.#length);
      this.#length = await this.#host.clock.timeUntil('write', writing);
    } catch (thrown) {
      throw storageFailure(thrown, 'Writing', this.#path);
    }
  }

  async sync(): Promise<void> {
    try {
      await this.#host.clock.timeUntil('sync', () => this.#handle.datasync());
    } catch (thrown) {
      throw storageFailure(thrown, 'Syncing', this.#path);
    }
  }

  async cutBack(length: number): Promise<void> {
    try {
      await this.#handle.truncate(length);
    } catch (thrown) {
      throw storageFailure(thrown, 'Truncating', this.#path);
    }
    this.#length = length;
  }

  async publish(name: string): Promise<void> {
    try {
      await this.#host.clock.timeUntil('sync', () => this.#handle.sync());
    } catch (thrown) {
      throw storageFailure(thrown, 'Syncing', this.#path);
    }
    if (this.#name !== name) await this.#host.rename(this.#name, name);
    this.#name = name;
    await this.#host.settle(name);
    await this[Symbol.asyncDispose]();
  }

  async discard(): Promise<void> {
    await this[Symbol.asyncDispose]();
    await this.#host.remove(this.#name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#open) return;
    this.#open = false;
    await this.#handle.close();
  }
}

/** Writes all parts from a position on. @returns the position after them */
export async function writeParts(handle: FileHandle, parts: Buffer[], from: number): Promise<number> {
  let rest = parts;
  let position = from;
  while (rest.length > 0) {
    const { bytesWritten } = await handle.writev(rest, position);
    position += bytesWritten;
    rest = dropBytes(rest, bytesWritten);
  }
  return position;
}

/** What is left of the parts after the first `count` bytes. */
function dropBytes(parts: Buffer[], count: number): Buffer[] {
  let left = count;
  for (const [i, part] of parts.entries()) {
    if (left < part.length) return [part.subarray(left), ...parts.slice(i + 1)];
    left -= part.length;
  }
  return [];
}
