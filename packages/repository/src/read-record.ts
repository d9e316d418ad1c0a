import { Failure } from '@sealift/core';
import { fail } from './failures.ts';
import type { FoundChunk, PackTable } from './index/pack-table.ts';
import type { Store } from './store/store.ts';

/** A pack may be finished, and a chunk be moved to another pack, between the look-up and the read; both again and again. */
const ATTEMPTS = 8;

/** What a reader needs of its repository. */
export interface RecordHost {
  store: Store;
  /** Replaced by `reload`. */
  table: PackTable;
  /** Opened for reading: builds the table anew, for this program is not told what the serving one does with the packs. */
  reload: (() => Promise<void>) | undefined;
}

/** Reads the stored records of chunks, wherever they stand by now. */
export class RecordReader {
  readonly #host: RecordHost;
  #reloading: Promise<void> | undefined;

  constructor(host: RecordHost) {
    this.#host = host;
  }

  /** @throws Failure `chunk-missing` if no pack holds it */
  async read(zone: Buffer, id: Buffer): Promise<{ found: FoundChunk; bytes: Buffer<ArrayBuffer> }> {
    for (let attempt = 1; ; attempt++) {
      const { store, table } = this.#host;
      const found = table.chunk(zone, id);
      if (found === undefined) {
        throw fail('chunk-missing', `Chunk ${id.toString('hex')} is not in the repository ${store.location}.`);
      }
      const { name } = found.in;
      try {
        return { found, bytes: await store.read(name, found.offset, found.length) };
      } catch (thrown) {
        const gone = thrown instanceof Failure && thrown.code === 'file-missing';
        if (!gone || attempt === ATTEMPTS || !(await this.#mayHaveMoved(zone, id, found, name))) throw thrown;
      }
    }
  }

  async #mayHaveMoved(zone: Buffer, id: Buffer, found: FoundChunk, name: string): Promise<boolean> {
    await found.in.moving;
    if (found.in.name !== name || this.#host.table.chunk(zone, id)?.in !== found.in) return true;
    if (this.#host.reload === undefined) return false;
    this.#reloading ??= this.#host.reload().finally(() => {
      this.#reloading = undefined;
    });
    await this.#reloading;
    return true;
  }
}
