import { randomBytes } from 'node:crypto';

/** An id as eight u32, read from wherever it stands, and hashes under a secret seed: a hostile source may choose ids. */
export class IdWords {
  readonly words = new Uint32Array(8);
  #seed = new Uint32Array(new Uint8Array(randomBytes(32)).buffer).map((word) => word | 1);
  #view: DataView<ArrayBufferLike> = new DataView(new ArrayBuffer(0));

  /** From now on hashes are those of another one. */
  hashAs(other: IdWords): void {
    this.#seed = other.#seed;
  }

  /** The 32 bytes from `at` on. */
  read(ids: Uint8Array, at: number): void {
    if (this.#view.buffer !== ids.buffer) this.#view = new DataView(ids.buffer);
    const view = this.#view;
    const words = this.words;
    const from = ids.byteOffset + at;
    for (let i = 0; i < 8; i++) words[i] = view.getUint32(from + i * 4, true);
  }

  /** 32 bits of the eight words from `at` on. */
  hash(words: Uint32Array, at: number): number {
    const seed = this.#seed;
    let hash = 0;
    for (let i = 0; i < 8; i++) {
      hash = Math.imul(hash ^ (words[at + i] as number), seed[i] as number);
      hash ^= hash >>> 15;
    }
    return hash >>> 0;
  }
}
