import type { Entries } from '../index/entries.ts';

/** Pairs of hash and entry that are in no run yet: 16 bytes each, the table that finds them included. */
export class FreshHashes {
  readonly #hashes: Uint32Array;
  readonly #entries: Uint32Array;
  readonly #slots: Uint32Array;
  #count = 0;

  /** @param capacity a power of two, at most 2^20 */
  constructor(capacity: number) {
    this.#hashes = new Uint32Array(capacity);
    this.#entries = new Uint32Array(capacity);
    this.#slots = new Uint32Array(capacity * 2);
  }

  get count(): number {
    return this.#count;
  }

  get isFull(): boolean {
    return this.#count === this.#hashes.length;
  }

  get byteLength(): number {
    return this.#hashes.byteLength + this.#entries.byteLength + this.#slots.byteLength;
  }

  find(entries: Entries, id: Uint32Array, hash: number): number {
    const low = this.#slots.length - 1;
    for (let slot = hash & low; this.#slots[slot] !== 0; slot = (slot + 1) & low) {
      const at = (this.#slots[slot] as number) - 1;
      if (this.#hashes[at] === hash && entries.has(this.#entries[at] as number, id)) return this.#entries[at] as number;
    }
    return -1;
  }

  /** Only while it is not full. */
  add(hash: number, entry: number): void {
    const low = this.#slots.length - 1;
    let slot = hash & low;
    while (this.#slots[slot] !== 0) slot = (slot + 1) & low;
    this.#hashes[this.#count] = hash;
    this.#entries[this.#count] = entry;
    this.#slots[slot] = ++this.#count;
  }

  clear(): void {
    this.#slots.fill(0);
    this.#count = 0;
  }

  /** By hash. */
  *sorted(): Generator<[hash: number, entry: number], void, undefined> {
    const capacity = this.#hashes.length;
    // Both fit the 53 bits of a number, and numbers are what is sorted fast.
    const keys = Float64Array.from({ length: this.#count }, (_, at) => (this.#hashes[at] as number) * capacity + at);
    for (const key of keys.sort()) yield [Math.floor(key / capacity), this.#entries[key % capacity] as number];
  }
}
