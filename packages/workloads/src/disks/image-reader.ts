import { toFailure } from '@sealift/core';
import { fail } from '../failures.ts';
import type { NbdPlace } from '../nbd/address.ts';
import { NbdClient } from '../nbd/client.ts';
import { ALLOCATION, BASE_ALLOCATION } from '../nbd/protocol.ts';
import type { Extent } from '../source/source-file.ts';

/** A disk that is read over NBD as if it were an open file. */
export class ImageReader implements AsyncDisposable {
  readonly #client: NbdClient;

  private constructor(client: NbdClient) {
    this.#client = client;
  }

  static async connect({ address, exportName }: NbdPlace): Promise<ImageReader> {
    return new ImageReader(await NbdClient.connect(address, { exportName, contexts: [BASE_ALLOCATION] }));
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
