import { randomBytes } from 'node:crypto';
import type { ChunkType } from '@sealift/crypto';

/** Where a chunk's record stands. */
export interface ChunkPlace {
  type: ChunkType;
  /** Number of the pack in the pack table. */
  pack: number;
  offset: number;
  length: number;
}

const WORDS_PER_ENTRY = 11;
const ENTRIES_PER_BLOCK = 16384;
const PACK_BITS = 28;
const PACK_MASK = 2 ** PACK_BITS - 1;
/** Most packs one repository can have while it is open. */
export const MOST_PACKS = PACK_MASK;
/** Type of an entry that is a member of a bundle, not a chunk. */
const MEMBER = 0;
/** In place of the bundle of a member: the id is not known any more. */
const GONE = 0xffffffff;
/** An index is rebuilt when more than one of so many entries is gone. */
const GONE_SHARE = 4;

/**
 * Hash index of one dedup zone: id -> place of a chunk, or member of a bundle. Entries (44 B) stand in blocks that are
 * never moved; a table of u32 slots with open addressing points at them and doubles at two thirds full, so an id takes
 * 52 to 58 B. Ids may be chosen by a hostile source, so slots depend on a secret seed.
 *
 * Entry, in u32 words: 0-7 id; 8 type (4 bits, 0 for a member) and pack number; 9 offset, or entry of the bundle;
 * 10 length, or ordinal in the bundle. Beside it 16 bits tell the epoch of its last use.
 *
 * An id that is forgotten keeps its entry, so that numbers stay what they are until `compact`.
 */
export class HashIndex {
  #blocks: Uint32Array[] = [];
  #uses: Uint16Array[] = [];
  #seed = new Uint32Array(new Uint8Array(randomBytes(32)).buffer);
  readonly #wanted = new Uint32Array(8);
  #slots = new Uint32Array(1024);
  #count = 0;
  #chunks = 0;
  #gone = 0;

  /** Ids of chunks, bundle members not counted. */
  get chunkCount(): number {
    return this.#chunks;
  }

  get byteLength(): number {
    return this.#slots.byteLength + this.#blocks.length * ENTRIES_PER_BLOCK * (WORDS_PER_ENTRY * 4 + 2);
  }

  /** Entries have the numbers below this one. */
  get entryCount(): number {
    return this.#count;
  }

  /** Number of the entry of an id, or -1. `id` has 32 bytes. */
  find(id: Buffer): number {
    this.#read(id, 0);
    const entry = (this.#slots[this.#slotOf()] as number) - 1;
    return entry >= 0 && this.#isGone(entry) ? -1 : entry;
  }

  /** Where the chunk of an entry is, or undefined if the id is known as a member only. */
  placeOf(entry: number): ChunkPlace | undefined {
    const word = this.#word(entry, 8);
    const type = word >>> PACK_BITS;
    if (type === MEMBER) return undefined;
    const place = { pack: word & PACK_MASK, offset: this.#word(entry, 9), length: this.#word(entry, 10) };
    return { type: type as ChunkType, ...place };
  }

  /** Number of the pack of a chunk, or -1 for an entry that is no chunk. */
  packOf(entry: number): number {
    const word = this.#word(entry, 8);
    return word >>> PACK_BITS === MEMBER ? -1 : word & PACK_MASK;
  }

  /** Length of the record of a chunk. */
  lengthOf(entry: number): number {
    return this.#word(entry, 10);
  }

  /** Notes the epoch in which an entry was used last; of a member, its bundle. */
  use(entry: number, epoch: number): void {
    const used = this.packOf(entry) < 0 ? this.#word(entry, 9) : entry;
    (this.#uses[Math.floor(used / ENTRIES_PER_BLOCK)] as Uint16Array)[used % ENTRIES_PER_BLOCK] = epoch;
  }

  lastUse(entry: number): number {
    return (this.#uses[Math.floor(entry / ENTRIES_PER_BLOCK)] as Uint16Array)[entry % ENTRIES_PER_BLOCK] as number;
  }

  /** Makes every use so far one of epoch 1. */
  levelUses(): void {
    for (const uses of this.#uses) {
      for (let i = 0; i < uses.length; i++) if (uses[i] !== 0) uses[i] = 1;
    }
  }

  /** The chunk is known no more, nor are the members of a bundle. */
  forget(entry: number): void {
    this.#chunks--;
    this.#gone++;
    this.#write(entry, MEMBER, GONE, 0);
  }

  /** The chunk stands somewhere else from now on. */
  relocate(entry: number, place: ChunkPlace): void {
    this.#write(entry, (place.type * 2 ** PACK_BITS + place.pack) >>> 0, place.offset, place.length);
  }

  /** True if enough is gone for `compact` to be worth it. */
  get isWasteful(): boolean {
    return this.#gone > ENTRIES_PER_BLOCK && this.#gone * GONE_SHARE > this.#count;
  }

  /** Gives back the space of what is gone. Entries get new numbers. */
  compact(): void {
    const kept = new HashIndex();
    const numbers = new Uint32Array(this.#count);
    for (let entry = 0; entry < this.#count; entry++) {
      const place = this.placeOf(entry);
      if (place === undefined) continue;
      numbers[entry] = kept.addChunk(this.#idOf(entry), place);
      kept.use(numbers[entry] as number, this.lastUse(entry));
    }
    for (let entry = 0; entry < this.#count; entry++) {
      if (this.packOf(entry) >= 0 || this.#isGone(entry)) continue;
      kept.#read(this.#idOf(entry), 0);
      kept.#write(kept.#claim(), MEMBER, numbers[this.#word(entry, 9)] as number, this.#word(entry, 10));
    }
    this.#blocks = kept.#blocks;
    this.#uses = kept.#uses;
    this.#seed = kept.#seed;
    this.#slots = kept.#slots;
    this.#count = kept.#count;
    this.#gone = 0;
  }

  /** Of an entry that is no chunk: the id of the bundle and the ordinal in it. */
  memberOf(entry: number): { bundle: Buffer; ordinal: number } {
    return { bundle: this.#idOf(this.#word(entry, 9)), ordinal: this.#word(entry, 10) };
  }

  /** Number of the entry now holding the id. A known chunk stays where it is; a known member becomes a chunk. */
  addChunk(id: Buffer, place: ChunkPlace): number {
    this.#read(id, 0);
    const entry = this.#claim();
    if (this.#word(entry, 8) >>> PACK_BITS === MEMBER) {
      this.#chunks++;
      if (this.#word(entry, 9) === GONE) this.#gone--;
      this.#write(entry, (place.type * 2 ** PACK_BITS + place.pack) >>> 0, place.offset, place.length);
    }
    return entry;
  }

  /** Makes the ids in `members`, end to end, known as members of the bundle; ids known already are left alone. */
  addMembers(bundle: number, members: Buffer): void {
    for (let ordinal = 0; ordinal * 32 < members.length; ordinal++) {
      this.#read(members, ordinal * 32);
      const before = this.#count;
      const entry = this.#claim();
      const isNew = this.#count > before;
      if (!isNew && !this.#isGone(entry)) continue;
      if (!isNew && this.#word(entry, 9) === GONE) this.#gone--;
      this.#write(entry, MEMBER, bundle, ordinal);
    }
  }

  /** The chunks whose records stand in these packs, in no order. */
  *chunksIn(packs: ReadonlySet<number>): Generator<{ id: Buffer; place: ChunkPlace }, void, undefined> {
    for (let entry = 0; entry < this.#count; entry++) {
      const place = packs.has(this.#word(entry, 8) & PACK_MASK) ? this.placeOf(entry) : undefined;
      if (place !== undefined) yield { id: this.#idOf(entry), place };
    }
  }

  #read(ids: Buffer, at: number): void {
    for (let i = 0; i < 8; i++) this.#wanted[i] = ids.readUInt32LE(at + i * 4);
  }

  /** Slot that holds the wanted id, or the empty one where it belongs. */
  #slotOf(): number {
    const mask = this.#slots.length - 1;
    let slot = this.#hash(this.#wanted, 0) & mask;
    for (;;) {
      const number = this.#slots[slot] as number;
      if (number === 0 || this.#isWanted(number - 1)) return slot;
      slot = (slot + 1) & mask;
    }
  }

  #hash(words: Uint32Array, at: number): number {
    let hash = 0;
    for (let i = 0; i < 8; i++) {
      hash = Math.imul(hash ^ (words[at + i] as number), (this.#seed[i] as number) | 1);
      hash ^= hash >>> 15;
    }
    return hash;
  }

  #isWanted(entry: number): boolean {
    const block = this.#blocks[Math.floor(entry / ENTRIES_PER_BLOCK)] as Uint32Array;
    const at = (entry % ENTRIES_PER_BLOCK) * WORDS_PER_ENTRY;
    for (let i = 0; i < 8; i++) if (block[at + i] !== this.#wanted[i]) return false;
    return true;
  }

  /** Entry of the wanted id, made if it is new. */
  #claim(): number {
    const slot = this.#slotOf();
    const known = this.#slots[slot] as number;
    if (known !== 0) return known - 1;
    const entry = this.#count++;
    if (entry % ENTRIES_PER_BLOCK === 0) {
      this.#blocks.push(new Uint32Array(ENTRIES_PER_BLOCK * WORDS_PER_ENTRY));
      this.#uses.push(new Uint16Array(ENTRIES_PER_BLOCK));
    }
    const block = this.#blocks[Math.floor(entry / ENTRIES_PER_BLOCK)] as Uint32Array;
    block.set(this.#wanted, (entry % ENTRIES_PER_BLOCK) * WORDS_PER_ENTRY);
    this.#slots[slot] = entry + 1;
    if (this.#count * 3 > this.#slots.length * 2) this.#grow();
    return entry;
  }

  #grow(): void {
    const slots = new Uint32Array(this.#slots.length * 2);
    const mask = slots.length - 1;
    for (let entry = 0; entry < this.#count; entry++) {
      const block = this.#blocks[Math.floor(entry / ENTRIES_PER_BLOCK)] as Uint32Array;
      let slot = this.#hash(block, (entry % ENTRIES_PER_BLOCK) * WORDS_PER_ENTRY) & mask;
      while (slots[slot] !== 0) slot = (slot + 1) & mask;
      slots[slot] = entry + 1;
    }
    this.#slots = slots;
  }

  /** Forgotten, or a member of a bundle that is. */
  #isGone(entry: number): boolean {
    if (this.packOf(entry) >= 0) return false;
    const bundle = this.#word(entry, 9);
    return bundle === GONE || this.packOf(bundle) < 0;
  }

  #word(entry: number, word: number): number {
    const block = this.#blocks[Math.floor(entry / ENTRIES_PER_BLOCK)] as Uint32Array;
    return block[(entry % ENTRIES_PER_BLOCK) * WORDS_PER_ENTRY + word] as number;
  }

  #write(entry: number, word8: number, word9: number, word10: number): void {
    const block = this.#blocks[Math.floor(entry / ENTRIES_PER_BLOCK)] as Uint32Array;
    const at = (entry % ENTRIES_PER_BLOCK) * WORDS_PER_ENTRY + 8;
    block[at] = word8;
    block[at + 1] = word9;
    block[at + 2] = word10;
  }

  #idOf(entry: number): Buffer {
    const id = Buffer.alloc(32);
    for (let i = 0; i < 8; i++) id.writeUInt32LE(this.#word(entry, i), i * 4);
    return id;
  }
}
