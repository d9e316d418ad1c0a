import type { Entries } from './entries.ts';

const LEAST_BITS = 10;

/**
 * Finds entries by the hash of their id: open addressing, at most three quarters full. A slot is a u32: in its low bits, as
 * many as number all slots, the number of the entry + 1, in the others the high bits of its hash, so that nearly no entry
 * is looked at in vain.
 */
export class SlotTable {
  #slots = new Uint32Array(2 ** LEAST_BITS);
  #used = 0;
  /** Hash of the id of an entry. */
  readonly #hashOf: (entry: number) => number;

  constructor(hashOf: (entry: number) => number) {
    this.#hashOf = hashOf;
  }

  get byteLength(): number {
    return this.#slots.byteLength;
  }

  /** The entry with these words as its id, or -1. */
  find(entries: Entries, id: Uint32Array, hash: number): number {
    const slots = this.#slots;
    const low = slots.length - 1;
    for (let slot = hash & low; ; slot = (slot + 1) & low) {
      const found = slots[slot] as number;
      if (found === 0) return -1;
      if (((found ^ hash) & ~low) === 0 && entries.has((found & low) - 1, id)) return (found & low) - 1;
    }
  }

  /** Of an entry that is in no slot; those before it are in theirs. */
  add(hash: number, entry: number): void {
    this.reserve(this.#used + 1);
    this.#put(hash, entry);
  }

  /** Bytes it grows by to make room for so many, both tables together for a moment. */
  growthTo(count: number): number {
    return count * 4 <= this.#slots.length * 3 ? 0 : 2 ** bitsFor(count) * 4;
  }

  /** Makes room for so many, all that are in it included. */
  reserve(count: number): void {
    if (count * 4 <= this.#slots.length * 3) return;
    this.#slots = new Uint32Array(2 ** bitsFor(count));
    const used = this.#used;
    this.#used = 0;
    for (let entry = 0; entry < used; entry++) this.#put(this.#hashOf(entry), entry);
  }

  #put(hash: number, entry: number): void {
    const slots = this.#slots;
    const low = slots.length - 1;
    let slot = hash & low;
    while (slots[slot] !== 0) slot = (slot + 1) & low;
    slots[slot] = (hash & ~low) | (entry + 1);
    this.#used++;
  }
}

function bitsFor(count: number): number {
  return Math.ceil(Math.log2((count * 4) / 3));
}
