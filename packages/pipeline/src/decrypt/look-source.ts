import { parseChunkHeader } from '@sealift/crypto';
import type { PointSource, StoredChunk } from '../transfer/point-source.ts';

/** A sealed chunk: what its key is derived from. */
export interface SealedChunkName {
  runSalt: Buffer;
  epoch: number;
  type: number;
  id: Buffer;
  /** r in its header. */
  random: Buffer;
}

/** Keys at hand, for many more chunks than are under way at a time. One that is fetched again is asked for again. */
const MOST_KEYS = 4096;

/** Fetches chunks and has the key of each at hand when it arrives: for a look, which gets the key of no run. */
export class LookSource implements PointSource {
  /** By chunk id in hex. */
  readonly keys = new Map<string, Buffer>();
  readonly #source: PointSource;
  readonly #keyOf: (chunk: SealedChunkName) => Promise<Buffer>;

  constructor(source: PointSource, keyOf: (chunk: SealedChunkName) => Promise<Buffer>) {
    this.#source = source;
    this.#keyOf = keyOf;
  }

  get chunkSecret(): Buffer | undefined {
    return this.#source.chunkSecret;
  }

  readPoint(id: string): Promise<Buffer> {
    return this.#source.readPoint(id);
  }

  async fetch(id: Buffer): Promise<StoredChunk> {
    const chunk = await this.#source.fetch(id);
    const name = id.toString('hex');
    if (!this.keys.has(name)) {
      const { runSalt, epoch, type, random } = parseChunkHeader(chunk.body);
      this.keys.set(name, await this.#keyOf({ runSalt, epoch, type, id, random }));
      const [oldest] = this.keys.keys();
      if (this.keys.size > MOST_KEYS && oldest !== undefined) this.keys.delete(oldest);
    }
    return chunk;
  }
}
