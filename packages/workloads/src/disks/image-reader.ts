import { toFailure } from '@sealift/core';
import { fail } from '../failures.ts';
import type { NbdPlace } from '../nbd/address.ts';
import { NbdClient } from '../nbd/client.ts';
import { ALLOCATION, BASE_ALLOCATION, DIRTY } from '../nbd/protocol.ts';
import type { Extent } from '../source/source-file.ts';

/** A disk that is read over NBD as if it were an open file. */
export class ImageReader implements AsyncDisposable {
  readonly #client: NbdClient;
  readonly #changes: string | undefined;

  private constructor(client: NbdClient, changes: string | undefined) {
    this.#client = client;
    this.#changes = changes;
  }

  static async connect({ address, exportName, changes }: NbdPlace): Promise<ImageReader> {
    const contexts = [BASE_ALLOCATION, ...(changes === undefined ? [] : [changes])];
    return new ImageReader(await NbdClient.connect(address, { exportName, contexts }), changes);
  }

  /** Data, and what is known to be zeros, from `from` to `to`. */
  async *segments(from: number, to: number): AsyncGenerator<Extent, void, undefined> {
    let at = from;
    for await (const { offset, length, flags } of this.#client.extents(BASE_ALLOCATION, from, to - from)) {
      yield { kind: (flags & ALLOCATION.zero) === 0 ? 'data' : 'hole', offset, length };
      at = offset + length;
    }
    // A server without block status tells nothing.
    if (at < to) yield { kind: 'data', offset: at, length: to - at };
  }

  /** What has changed since the disk was read last, and what has not; all has where nobody tells. */
  async *changes(from: number, to: number): AsyncGenerator<{ offset: number; length: number; changed: boolean }> {
    let at = from;
    const context = this.#changes;
    if (context !== undefined) {
      for await (const { offset, length, flags } of this.#client.extents(context, from, to - from)) {
        yield { offset, length, changed: (flags & DIRTY) !== 0 };
        at = offset + length;
      }
    }
    if (at < to) yield { offset: at, length: to - at, changed: true };
  }

  /** Fills the buffer, which lies within the disk; returns its length. @throws Failure `unreadable` */
  async readAt(offset: number, into: Buffer): Promise<number> {
    try {
      await this.#client.read(offset, into);
      return into.length;
    } catch (thrown) {
      const failure = toFailure(thrown);
      if (failure.code !== 'nbd-error') throw failure;
      throw fail('unreadable', failure.message, { cause: failure });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client[Symbol.asyncDispose]();
  }
}
