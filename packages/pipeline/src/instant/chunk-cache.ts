import { ByteCredit } from '@sealift/core';

interface Kept {
  bytes: Promise<Buffer>;
  /** 0 until it is there. */
  length: number;
}

/** The opened chunks that were used last, bounded in bytes. What is asked for twice at once is fetched once. */
export class ChunkCache {
  readonly #fetch: (id: Buffer) => Promise<Buffer>;
  readonly #limit: number;
  readonly #fetching: ByteCredit;
  /** In the order of their last use. */
  readonly #kept = new Map<string, Kept>();
  #bytes = 0;

  /**
   * @param limit bytes of opened chunks that are kept
   * @param fetching bytes of chunks that may be on their way
   */
  constructor(fetch: (id: Buffer) => Promise<Buffer>, limit: number, fetching: number) {
    this.#fetch = fetch;
    this.#limit = limit;
    this.#fetching = new ByteCredit(fetching);
  }

  /** @param length that it is expected to have */
  async get(id: Buffer, length: number): Promise<Buffer> {
    const key = id.toString('latin1');
    const kept = this.#kept.get(key);
    if (kept !== undefined) {
      this.#kept.delete(key);
      this.#kept.set(key, kept);
      return kept.bytes;
    }
    return this.#add(key, id, length);
  }

  async #add(key: string, id: Buffer, length: number): Promise<Buffer> {
    const kept: Kept = { bytes: this.#fetched(id, length), length: 0 };
    this.#kept.set(key, kept);
    try {
      const bytes = await kept.bytes;
      kept.length = bytes.length;
      this.#bytes += bytes.length;
      this.#evict();
      return bytes;
    } catch (thrown) {
      // It is asked for again: what was unreachable may be there next time.
      this.#kept.delete(key);
      throw thrown;
    }
  }

  async #fetched(id: Buffer, length: number): Promise<Buffer> {
    await this.#fetching.take(length);
    try {
      return await this.#fetch(id);
    } finally {
      this.#fetching.give(length);
    }
  }

  #evict(): void {
    for (const [key, { length }] of this.#kept) {
      if (this.#bytes <= this.#limit) return;
      // What is on its way does not count yet, and somebody waits for it.
      if (length === 0) continue;
      this.#kept.delete(key);
      this.#bytes -= length;
    }
  }
}
