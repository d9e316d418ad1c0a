import { randomBytes } from 'node:crypto';
import { type ChunkType, isChunkType } from '@sealift/crypto';
import { fail } from '../failures.ts';
import { ENTRIES_PER_BLOCK, ENTRIES_PER_PIECE, EntryBlocks } from './entry-blocks.ts';

/** Where a chunk's record stands. */
export interface ChunkPlace {
  type: ChunkType;
  /** Number of the pack in the pack table. */
  pack: number;
  offset: number;
  length: number;
}

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
 * An entry that is forgotten stays, so that numbers stay what they are until `compact`, and is never used again: what
 * were members of a forgotten bundle must not be there again only because its id is. Such an id gets a new entry.
 */
export class HashIndex {
  #entries = new EntryBlocks();
  #seed = new Uint32Array(new Uint8Array(randomBytes(32)).buffer);
  readonly #wanted = new Uint32Array(8);
  #slots = new Uint32Array(1024);
  #chunks = 0;
  #gone = 0;
  /** Packs that hold records which the index reads nowhere, or elsewhere, since they were forgotten or relocated. */
  readonly left = new Set<number>();

  /** Ids of chunks, bundle members not counted. */
  get chunkCount(): number {
    return this.#chunks;
  }

  get byteLength(): number {
    return this.#slots.byteLength + this.#entries.byteLength;
  }

  /** Entries have the numbers below this one. */
  get entryCount(): number {
    return this.#entries.count;
  }

  /** For whoever saves them. */
  get entries(): EntryBlocks {
    return this.#entries;
  }

  /**
   * An index of entries that were saved. Chunks in packs that are not kept are forgotten.
   * @param isKept asked with the number of a pack, which may be any
   * @throws Failure `format-damaged`
   */
  static async restore(entries: EntryBlocks, isKept: (pack: number) => boolean): Promise<HashIndex> {
    const index = new HashIndex();
    index.#entries = entries;
    let slots = index.#slots.length;
    while (entries.count * 3 > slots * 2) slots *= 2;
    index.#slots = new Uint32Array(slots);
    for (let from = 0; from < entries.count; from += ENTRIES_PER_PIECE) {
      const to = Math.min(from + ENTRIES_PER_PIECE, entries.count);
      index.#count(from, to, isKept);
      index.#fillSlots(from, to);
      await new Promise((resolve) => setImmediate(resolve));
    }
    return index;
  }

  #count(from: number, to: number, isKept: (pack: number) => boolean): void {
    for (let entry = from; entry < to; entry++) {
      const word = this.#entries.word(entry, 8);
      if (word >>> PACK_BITS === MEMBER) this.#checkMember(entry);
      else if (!isChunkType(word >>> PACK_BITS)) throw fail('format-damaged', `A chunk of type ${word >>> PACK_BITS}.`);
      else {
        this.#chunks++;
        if (!isKept(word & PACK_MASK)) this.#forget(entry);
      }
    }
  }

  #checkMember(entry: number): void {
    const bundle = this.#entries.word(entry, 9);
    if (bundle === GONE) this.#gone++;
    else if (bundle >= this.#entries.count) throw fail('format-damaged', `A member of a bundle that is not there.`);
  }

  /** Number of the entry of an id, or -1. `id` has 32 bytes. */
  find(id: Buffer): number {
    this.#read(id, 0);
    const entry = (this.#slots[this.#slotOf()] as number) - 1;
    return entry >= 0 && this.#isGone(entry) ? -1 : entry;
  }

  /** Where the chunk of an entry is, or undefined if the id is known as a member only. */
  placeOf(entry: number): ChunkPlace | undefined {
    const word = this.#entries.word(entry, 8);
    const type = word >>> PACK_BITS;
    if (type === MEMBER) return undefined;
    const place = {
      pack: word & PACK_MASK,
      offset: this.#entries.word(entry, 9),
      length: this.#entries.word(entry, 10),
    };
    return { type: type as ChunkType, ...place };
  }

  /** Number of the pack of a chunk, or -1 for an entry that is no chunk. */
  packOf(entry: number): number {
    const word = this.#entries.word(entry, 8);
    return word >>> PACK_BITS === MEMBER ? -1 : word & PACK_MASK;
  }

  /** Length of the record of a chunk. */
  lengthOf(entry: number): number {
    return this.#entries.word(entry, 10);
  }

  /** Notes the epoch in which an entry was used last; of a member, its bundle. */
  use(entry: number, epoch: number): void {
    const used = this.packOf(entry) < 0 ? this.#entries.word(entry, 9) : entry;
    this.#entries.use(used, epoch);
  }

  lastUse(entry: number): number {
    return this.#entries.lastUse(entry);
  }

  /** Makes every use so far one of epoch 1. */
  levelUses(): void {
    this.#entries.levelUses();
  }

  /** The chunk is known no more, nor are the members of a bundle. */
  forget(entry: number): void {
    this.left.add(this.packOf(entry));
    this.#forget(entry);
  }

  /** The chunk stands somewhere else from now on. */
  relocate(entry: number, place: ChunkPlace): void {
    this.left.add(this.packOf(entry));
    this.#entries.rewrite(entry, packWord(place), place.offset, place.length);
  }

  /** True if enough is gone for `compact` to be worth it. */
  get isWasteful(): boolean {
    return this.#gone > ENTRIES_PER_BLOCK && this.#gone * GONE_SHARE > this.#entries.count;
  }

  /** Gives back the space of what is gone. Entries get new numbers. */
  compact(): void {
    const kept = new HashIndex();
    const numbers = new Uint32Array(this.#entries.count);
    for (let entry = 0; entry < this.#entries.count; entry++) {
      const place = this.placeOf(entry);
      if (place === undefined) continue;
      numbers[entry] = kept.addChunk(this.#entries.idOf(entry), place);
      kept.use(numbers[entry] as number, this.lastUse(entry));
    }
    for (let entry = 0; entry < this.#entries.count; entry++) {
      if (this.packOf(entry) >= 0 || this.#isGone(entry)) continue;
      kept.#read(this.#entries.idOf(entry), 0);
      kept.#entries.write(
        kept.#claim(),
        MEMBER,
        numbers[this.#entries.word(entry, 9)] as number,
        this.#entries.word(entry, 10),
      );
    }
    this.#entries = kept.#entries;
    this.#seed = kept.#seed;
    this.#slots = kept.#slots;
    this.#gone = 0;
  }

  /** Of an entry that is no chunk: the id of the bundle and the ordinal in it. */
  memberOf(entry: number): { bundle: Buffer; ordinal: number } {
    return { bundle: this.#entries.idOf(this.#entries.word(entry, 9)), ordinal: this.#entries.word(entry, 10) };
  }

  /** Number of the entry now holding the id. A known chunk stays where it is; a known member becomes a chunk. */
  addChunk(id: Buffer, place: ChunkPlace): number {
    this.#read(id, 0);
    const before = this.#entries.count;
    const entry = this.#claim();
    if (entry === before) {
      this.#chunks++;
      this.#entries.write(entry, packWord(place), place.offset, place.length);
    } else if (this.#entries.word(entry, 8) >>> PACK_BITS === MEMBER) {
      this.#chunks++;
      this.#entries.rewrite(entry, packWord(place), place.offset, place.length);
    }
    return entry;
  }

  /**
   * Makes the ids in `members`, end to end, known as members of the bundle; ids known already are left alone.
   * @returns whether some of them are known as something else
   */
  addMembers(bundle: number, members: Buffer): boolean {
    let shared = false;
    for (let ordinal = 0; ordinal * 32 < members.length; ordinal++) {
      this.#read(members, ordinal * 32);
      const before = this.#entries.count;
      const entry = this.#claim();
      if (entry === before) this.#entries.write(entry, MEMBER, bundle, ordinal);
      else if (this.#isGone(entry)) this.#entries.rewrite(entry, MEMBER, bundle, ordinal);
      else shared ||= !this.#isMember(entry, bundle, ordinal);
    }
    return shared;
  }

  /** The chunks whose records stand in these packs, in no order. */
  *chunksIn(packs: ReadonlySet<number>): Generator<{ id: Buffer; place: ChunkPlace }, void, undefined> {
    for (let entry = 0; entry < this.#entries.count; entry++) {
      const place = packs.has(this.#entries.word(entry, 8) & PACK_MASK) ? this.placeOf(entry) : undefined;
      if (place !== undefined) yield { id: this.#entries.idOf(entry), place };
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
      if (number === 0 || this.#entries.has(number - 1, this.#wanted)) return slot;
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

  /** Entry of the wanted id, made if it is new or forgotten. */
  #claim(): number {
    const slot = this.#slotOf();
    const known = this.#slots[slot] as number;
    if (known !== 0 && !this.#isForgotten(known - 1)) return known - 1;
    const entry = this.#entries.append(this.#wanted);
    this.#slots[slot] = entry + 1;
    if (this.#entries.count * 3 > this.#slots.length * 2) this.#grow();
    return entry;
  }

  #grow(): void {
    this.#slots = new Uint32Array(this.#slots.length * 2);
    this.#fillSlots(0, this.#entries.count);
  }

  /** Entries that stand in no slot yet. Their ids are in no other entry, but for forgotten ones, which get no slot. */
  #fillSlots(from: number, to: number): void {
    const slots = this.#slots;
    const mask = slots.length - 1;
    for (let entry = from; entry < to; entry++) {
      if (this.#isForgotten(entry)) continue;
      let slot = this.#hash(this.#entries.blockOf(entry), this.#entries.startOf(entry)) & mask;
      while (slots[slot] !== 0) slot = (slot + 1) & mask;
      slots[slot] = entry + 1;
    }
  }

  #forget(entry: number): void {
    this.#chunks--;
    this.#gone++;
    this.#entries.rewrite(entry, MEMBER, GONE, 0);
  }

  #isMember(entry: number, bundle: number, ordinal: number): boolean {
    const entries = this.#entries;
    return this.packOf(entry) < 0 && entries.word(entry, 9) === bundle && entries.word(entry, 10) === ordinal;
  }

  #isForgotten(entry: number): boolean {
    return this.packOf(entry) < 0 && this.#entries.word(entry, 9) === GONE;
  }

  /** Forgotten, or a member of a bundle that is. */
  #isGone(entry: number): boolean {
    if (this.packOf(entry) >= 0) return false;
    const bundle = this.#entries.word(entry, 9);
    return bundle === GONE || this.packOf(bundle) < 0;
  }
}

function packWord({ type, pack }: ChunkPlace): number {
  return (type * 2 ** PACK_BITS + pack) >>> 0;
}
