const WORDS_PER_BLOCK = 8;
/** Those of the split block Bloom filter of Apache Parquet. */
const SALTS = [0x47b6137b, 0x44974d91, 0x8824ad5b, 0xa2b7289d, 0x705495c7, 0x2df1424b, 0x9efc4947, 0x5c6bfb31];

/** Tells of most hashes that were never added that they were not: a bit in each word of one block of 32 bytes. */
export class SplitBlockFilter {
  readonly #words: Uint32Array;
  readonly #blocks: number;

  /** For so many hashes, with so many bits for each; with no bits at all everything may be in it. */
  constructor(count: number, bitsPerHash: number) {
    this.#blocks = Math.ceil((count * bitsPerHash) / (WORDS_PER_BLOCK * 32));
    this.#words = new Uint32Array(this.#blocks * WORDS_PER_BLOCK);
  }

  get byteLength(): number {
    return this.#words.byteLength;
  }

  add(hash: number): void {
    if (this.#blocks === 0) return;
    const from = this.#blockOf(hash);
    for (let i = 0; i < WORDS_PER_BLOCK; i++) {
      this.#words[from + i] = (this.#words[from + i] as number) | (1 << (Math.imul(hash, SALTS[i] as number) >>> 27));
    }
  }

  mayHave(hash: number): boolean {
    if (this.#blocks === 0) return true;
    const from = this.#blockOf(hash);
    for (let i = 0; i < WORDS_PER_BLOCK; i++) {
      const bit = 1 << (Math.imul(hash, SALTS[i] as number) >>> 27);
      if (((this.#words[from + i] as number) & bit) === 0) return false;
    }
    return true;
  }

  #blockOf(hash: number): number {
    return Math.floor((hash * this.#blocks) / 2 ** 32) * WORDS_PER_BLOCK;
  }
}
