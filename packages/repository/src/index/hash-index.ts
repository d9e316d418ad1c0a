import { type ChunkType, isChunkType } from '@sealift/crypto';
import { fail } from '../failures.ts';
import type { IndexMemory, MeasuredIndex, SpillOptions } from '../spill/index-memory.ts';
import { SpillPlace } from '../spill/spill-place.ts';
import { SpilledEntries } from '../spill/spilled-entries.ts';
import { SpilledSlots } from '../spill/spilled-slots.ts';
import type { Entries } from './entries.ts';
import { ENTRIES_PER_BLOCK, EntryBlocks, wordsOf } from './entry-blocks.ts';
import {
  type ChunkPlace,
  ENTRY_BYTES,
  GONE,
  MEMBER,
  packIn,
  packWord,
  typeIn,
  WORDS_PER_ENTRY,
} from './entry-words.ts';
import { IdWords } from './id-words.ts';
import { Renumbering } from './renumbering.ts';
import { SlotTable } from './slot-table.ts';

/** An index is rebuilt when more than one of so many entries is gone. */
const GONE_SHARE = 4;

/**
 * Hash index of one dedup zone: id -> place of a chunk, or member of a bundle. Entries (44 B) have numbers in the order in
 * which they came; a table points at them, so an id takes 50 to 55 B, and 2 more once it was used.
 *
 * With a limit of memory, all of it goes to the disk when it takes more; numbers and answers stay the same.
 *
 * An entry that is forgotten stays, so that numbers stay what they are until `compact`, and is never used again: what
 * were members of a forgotten bundle must not be there again only because its id is. Such an id gets a new entry.
 */
export class HashIndex implements MeasuredIndex, Disposable {
  #entries: Entries;
  #slots: SlotTable | SpilledSlots;
  readonly #memory: IndexMemory | undefined;
  #place: SpillPlace | undefined;
  readonly #ids = new IdWords();
  #chunks = 0;
  #gone = 0;
  /** Packs that hold records which the index reads nowhere, or elsewhere, since they were forgotten or relocated. */
  readonly left = new Set<number>();

  constructor(memory?: IndexMemory) {
    const entries = new EntryBlocks();
    this.#entries = entries;
    this.#slots = new SlotTable((entry) => this.#ids.hash(entries.blockOf(entry), entries.startOf(entry)));
    this.#memory = memory;
    memory?.add(this);
  }

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
  get entries(): Entries {
    return this.#entries;
  }

  /** Number of the entry of an id, or -1. `id` has 32 bytes. */
  find(id: Buffer): number {
    this.#ids.read(id, 0);
    const entry = this.#slots.find(this.#entries, this.#ids.words, this.#ids.hash(this.#ids.words, 0));
    return entry >= 0 && this.#isGone(entry) ? -1 : entry;
  }

  /** Where the chunk of an entry is, or undefined if the id is known as a member only. */
  placeOf(entry: number): ChunkPlace | undefined {
    const word = this.#entries.word(entry, 8);
    const type = typeIn(word);
    if (type === MEMBER) return undefined;
    const offset = this.#entries.word(entry, 9);
    return { type: type as ChunkType, pack: packIn(word), offset, length: this.#entries.word(entry, 10) };
  }

  /** Number of the pack of a chunk, or -1 for an entry that is no chunk. */
  packOf(entry: number): number {
    const word = this.#entries.word(entry, 8);
    return typeIn(word) === MEMBER ? -1 : packIn(word);
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
  relocate(entry: number, { type, pack, offset, length }: ChunkPlace): void {
    this.left.add(this.packOf(entry));
    this.#entries.rewrite(entry, packWord(type, pack), offset, length);
  }

  /** True if enough is gone for `compact` to be worth it. */
  get isWasteful(): boolean {
    return this.#gone > ENTRIES_PER_BLOCK && this.#gone * GONE_SHARE > this.#entries.count;
  }

  /** Gives back the space of what is gone. Entries get new numbers. */
  compact(): void {
    const kept = new HashIndex(this.#memory);
    const isChunk = (entry: number) => this.packOf(entry) >= 0;
    const numbers = new Renumbering(this.#entries.count, isChunk);
    for (let entry = 0; entry < this.#entries.count; entry++) {
      const place = this.placeOf(entry);
      if (place !== undefined) kept.use(kept.addChunk(this.#entries.idOf(entry), place), this.lastUse(entry));
    }
    for (let entry = 0; entry < this.#entries.count; entry++) {
      if (isChunk(entry) || this.#isGone(entry)) continue;
      kept.#ids.read(this.#entries.idOf(entry), 0);
      const bundle = numbers.of(this.#entries.word(entry, 9));
      kept.#entries.write(kept.#claim(), MEMBER, bundle, this.#entries.word(entry, 10));
    }
    this[Symbol.dispose]();
    this.#memory?.delete(kept);
    this.#memory?.add(this);
    this.#entries = kept.#entries;
    this.#slots = kept.#slots;
    this.#place = kept.#place;
    this.#ids.hashAs(kept.#ids);
    this.#gone = 0;
  }

  /** Of an entry that is no chunk: the id of the bundle and the ordinal in it. */
  memberOf(entry: number): { bundle: Buffer; ordinal: number } {
    return { bundle: this.#entries.idOf(this.#entries.word(entry, 9)), ordinal: this.#entries.word(entry, 10) };
  }

  /** Number of the entry now holding the id. A known chunk stays where it is; a known member becomes a chunk. */
  addChunk(id: Buffer, { type, pack, offset, length }: ChunkPlace): number {
    return this.addRecord(id, 0, packWord(type, pack), offset, length);
  }

  /** The same, of an id that stands at `at` in `ids`; `word8` is type and pack. */
  addRecord(ids: Uint8Array, at: number, word8: number, offset: number, length: number): number {
    this.#ids.read(ids, at);
    const before = this.#entries.count;
    const entry = this.#claim();
    if (entry === before) {
      this.#chunks++;
      this.#entries.write(entry, word8, offset, length);
    } else if (typeIn(this.#entries.word(entry, 8)) === MEMBER) {
      this.#entries.rewrite(entry, word8, offset, length);
      this.#chunks++;
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
      this.#ids.read(members, ordinal * 32);
      const before = this.#entries.count;
      const entry = this.#claim();
      if (entry === before) this.#entries.write(entry, MEMBER, bundle, ordinal);
      else if (this.#isGone(entry)) this.#entries.rewrite(entry, MEMBER, bundle, ordinal);
      else shared ||= !this.#isMember(entry, bundle, ordinal);
    }
    return shared;
  }

  /** Makes room for so many entries in all, of an index that is empty. */
  reserve(entries: number): void {
    this.#memory?.makeRoom(entries * ENTRY_BYTES + this.#growthTo(entries));
    this.#slots.reserve(entries);
  }

  get isSpilled(): boolean {
    return this.#place !== undefined;
  }

  /** What it has on the disk is not what was written there: it has to be built anew. */
  get isDamaged(): boolean {
    return this.#place?.isDamaged === true;
  }

  spill(options: SpillOptions): void {
    const place = new SpillPlace(options.folder);
    const blocks = this.#entries as EntryBlocks;
    const slots = new SpilledSlots({ ...options, place });
    for (let entry = 0; entry < blocks.count; entry++) {
      slots.reserve();
      slots.add(this.#ids.hash(blocks.blockOf(entry), blocks.startOf(entry)), entry);
    }
    this.#entries = new SpilledEntries(blocks, place, options.cacheBytes);
    this.#slots = slots;
    this.#place = place;
  }

  /** Closes what it has on the disk. */
  [Symbol.dispose](): void {
    this.#memory?.delete(this);
    if (this.#entries instanceof SpilledEntries) this.#entries[Symbol.dispose]();
    if (this.#slots instanceof SpilledSlots) this.#slots[Symbol.dispose]();
  }

  /** Before each block of entries. */
  #makeRoom(): void {
    const { count } = this.#entries;
    if (this.#memory === undefined || count % ENTRIES_PER_BLOCK !== 0) return;
    this.#memory.makeRoom(ENTRIES_PER_BLOCK * ENTRY_BYTES + this.#growthTo(count + ENTRIES_PER_BLOCK));
  }

  #growthTo(entries: number): number {
    return this.#slots instanceof SlotTable ? this.#slots.growthTo(entries) : 0;
  }

  /**
   * Adds a piece of saved entries, whose ids no other entry has, but for forgotten ones. Chunks in packs that are not kept are forgotten.
   * @param kept a byte for each pack, 1 if it is kept
   * @param total entries there will be in all
   * @throws Failure `format-damaged`
   */
  addPiece(bytes: Buffer<ArrayBuffer>, kept: Uint8Array, total: number): void {
    const words = wordsOf(bytes);
    const first = this.#entries.count;
    const piece = { words, kept, total };
    let forgotten = 0;
    for (let at = 0; at < words.length; at += WORDS_PER_ENTRY) if (!this.#judge(piece, at)) forgotten++;
    this.#entries.appendPiece(bytes);
    for (let at = 0, entry = first; at < words.length; at += WORDS_PER_ENTRY, entry++) {
      this.#slots.reserve(entry + 1);
      this.#slots.add(this.#ids.hash(words, at), entry);
    }
    if (forgotten > 0) this.#entries.noteRewritten(first);
  }

  /** Counts a saved entry; false if it had to be forgotten. */
  #judge({ words, kept, total }: { words: Uint32Array; kept: Uint8Array; total: number }, at: number): boolean {
    const word = words[at + 8] as number;
    const type = typeIn(word);
    if (type === MEMBER) {
      const bundle = words[at + 9] as number;
      if (bundle === GONE) this.#gone++;
      else if (bundle >= total) throw fail('format-damaged', 'A member of a bundle that is not there.');
      return true;
    }
    if (!isChunkType(type)) throw fail('format-damaged', `A chunk of type ${type}.`);
    if (kept[packIn(word)] === 1) {
      this.#chunks++;
      return true;
    }
    this.#gone++;
    words[at + 8] = 0;
    words[at + 9] = GONE;
    words[at + 10] = 0;
    return false;
  }

  /** The chunks whose records stand in these packs, in no order. */
  *chunksIn(packs: ReadonlySet<number>): Generator<{ id: Buffer; place: ChunkPlace }, void, undefined> {
    for (let entry = 0; entry < this.#entries.count; entry++) {
      const place = packs.has(packIn(this.#entries.word(entry, 8))) ? this.placeOf(entry) : undefined;
      if (place !== undefined) yield { id: this.#entries.idOf(entry), place };
    }
  }

  /** Entry of the id that was read, made if it is new or forgotten. */
  #claim(): number {
    const hash = this.#ids.hash(this.#ids.words, 0);
    const known = this.#slots.find(this.#entries, this.#ids.words, hash);
    if (known >= 0) return known;
    this.#makeRoom();
    // Both may fail on a full disk; what follows cannot.
    this.#slots.reserve(this.#entries.count + 1);
    const entry = this.#entries.append(this.#ids.words);
    this.#slots.add(hash, entry);
    return entry;
  }

  #forget(entry: number): void {
    this.#entries.rewrite(entry, MEMBER, GONE, 0);
    this.#chunks--;
    this.#gone++;
  }

  #isMember(entry: number, bundle: number, ordinal: number): boolean {
    const entries = this.#entries;
    return this.packOf(entry) < 0 && entries.word(entry, 9) === bundle && entries.word(entry, 10) === ordinal;
  }

  /** Forgotten, or a member of a bundle that is. */
  #isGone(entry: number): boolean {
    if (this.packOf(entry) >= 0) return false;
    const bundle = this.#entries.word(entry, 9);
    return bundle === GONE || this.packOf(bundle) < 0;
  }
}
