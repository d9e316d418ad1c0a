const WORDS = 4;

/**
 * A set of 32-byte ids in a bounded amount of memory: 16 bytes of each id, open addressing, 24 bytes an id on average.
 * Ids are pseudo-random, so their own bits are the hash. When `capacity` is reached it forgets everything, which its
 * callers must be able to live with.
 */
export class BoundedIdSet {
  readonly #capacity: number;
  #slots: Uint32Array;
  #mask: number;
  #size = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
    this.#mask = 1023;
    this.#slots = new Uint32Array((this.#mask + 1) * WORDS);
  }

  /** Adds an id; true if it was not there. */
  add(id: Buffer): boolean {
    if (this.#size >= this.#capacity) this.#clear();
    if (this.#size * 3 > (this.#mask + 1) * 2) this.#grow();
    const added = this.#place(id.readUInt32LE(0), id.readUInt32LE(4), id.readUInt32LE(8), id.readUInt32LE(12) | 1);
    if (added) this.#size++;
    return added;
  }

  has(id: Buffer): boolean {
    const slots = this.#slots;
    const [a, b, c, d] = [id.readUInt32LE(0), id.readUInt32LE(4), id.readUInt32LE(8), (id.readUInt32LE(12) | 1) >>> 0];
    for (let slot = a & this.#mask; ; slot = (slot + 1) & this.#mask) {
      const at = slot * WORDS;
      if (slots[at + 3] === 0) return false;
      if (slots[at] === a && slots[at + 1] === b && slots[at + 2] === c && slots[at + 3] === d) return true;
    }
  }

  /** The last word of a taken slot is never zero. */
  #place(a: number, b: number, c: number, d: number): boolean {
    const slots = this.#slots;
    for (let slot = a & this.#mask; ; slot = (slot + 1) & this.#mask) {
      const at = slot * WORDS;
      if (slots[at + 3] === 0) {
        slots.set([a, b, c, d], at);
        return true;
      }
      if (slots[at] === a && slots[at + 1] === b && slots[at + 2] === c && slots[at + 3] === d >>> 0) return false;
    }
  }

  #grow(): void {
    const old = this.#slots;
    this.#mask = this.#mask * 2 + 1;
    this.#slots = new Uint32Array((this.#mask + 1) * WORDS);
    for (let at = 0; at < old.length; at += WORDS) {
      const last = old[at + 3] as number;
      if (last !== 0) this.#place(old[at] as number, old[at + 1] as number, old[at + 2] as number, last);
    }
  }

  #clear(): void {
    this.#slots.fill(0);
    this.#size = 0;
  }
}
