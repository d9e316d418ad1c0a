import type { Entries, Numbering } from '../index/entries.ts';
import { ENTRIES_PER_BLOCK, ENTRIES_PER_PIECE, type EntryBlocks, wordsOf } from '../index/entry-blocks.ts';
import { GONE, MEMBER, typeIn, WORDS_PER_ENTRY } from '../index/entry-words.ts';
import { bytesOf, PagedWords } from './paged-words.ts';
import type { SpillPlace } from './spill-place.ts';

/** Chunks of one backup follow each other, here and when they are asked for again: a page serves many look-ups. */
const ENTRIES_PER_PAGE = 64;
const PAGE_WORDS = ENTRIES_PER_PAGE * WORDS_PER_ENTRY;
const PAGES_PER_BLOCK = ENTRIES_PER_BLOCK / ENTRIES_PER_PAGE;
const USES_PER_PAGE = 2048;
const USES_PAGE_WORDS = USES_PER_PAGE / 2;
const LEAST_FRAMES = 8;
/** Of the memory for pages, this share holds pages of uses. */
const USES_SHARE = 8;

/** Entries on the disk. The last block, which is not full, is in memory. */
export class SpilledEntries implements Entries, Disposable {
  readonly numbering: Numbering;
  readonly #entries: PagedWords;
  readonly #uses: PagedWords;
  readonly #tail = new Uint32Array(ENTRIES_PER_BLOCK * WORDS_PER_ENTRY);
  /** Entries on the disk: whole blocks. */
  #sealed = 0;
  #count = 0;

  /** Takes over what is in `blocks`. @param cacheBytes memory for pages */
  constructor(blocks: EntryBlocks, place: SpillPlace, cacheBytes: number) {
    const frames = (bytes: number, words: number) => Math.max(LEAST_FRAMES, Math.floor(bytes / (words * 4 + 74)));
    const usesBytes = cacheBytes / USES_SHARE;
    this.numbering = blocks.numbering;
    this.#entries = new PagedWords(place, {
      pageWords: PAGE_WORDS,
      frames: frames(cacheBytes - usesBytes, PAGE_WORDS),
    });
    this.#uses = new PagedWords(place, { pageWords: USES_PAGE_WORDS, frames: frames(usesBytes, USES_PAGE_WORDS) });
    for (let entry = 0; entry < blocks.count; entry += ENTRIES_PER_BLOCK) {
      const entries = Math.min(ENTRIES_PER_BLOCK, blocks.count - entry);
      this.#appendWords(blocks.blockOf(entry).subarray(0, entries * WORDS_PER_ENTRY));
    }
    for (let entry = 0; entry < blocks.count; entry++) {
      const use = blocks.lastUse(entry);
      if (use > 0) this.use(entry, use);
    }
  }

  get count(): number {
    return this.#count;
  }

  get byteLength(): number {
    return this.#entries.byteLength + this.#uses.byteLength + this.#tail.byteLength;
  }

  append(id: Uint32Array): number {
    if (this.#count - this.#sealed === ENTRIES_PER_BLOCK) this.#seal();
    const entry = this.#count;
    const at = (entry - this.#sealed) * WORDS_PER_ENTRY;
    for (let i = 0; i < 8; i++) this.#tail[at + i] = id[i] as number;
    this.#count++;
    return entry;
  }

  word(entry: number, word: number): number {
    if (entry >= this.#sealed) return this.#tail[(entry - this.#sealed) * WORDS_PER_ENTRY + word] as number;
    return this.#entries.words[this.#entries.at(pageOf(entry)) + startOf(entry) + word] as number;
  }

  has(entry: number, id: Uint32Array): boolean {
    const there = entry >= this.#sealed;
    const start = there ? (entry - this.#sealed) * WORDS_PER_ENTRY : this.#entries.at(pageOf(entry)) + startOf(entry);
    const words = there ? this.#tail : this.#entries.words;
    for (let i = 0; i < 8; i++) if (words[start + i] !== id[i]) return false;
    return typeIn(words[start + 8] as number) !== MEMBER || words[start + 9] !== GONE;
  }

  write(entry: number, word8: number, word9: number, word10: number): void {
    const there = entry >= this.#sealed;
    const words = there ? this.#tail : this.#entries.words;
    const start = there
      ? (entry - this.#sealed) * WORDS_PER_ENTRY
      : this.#entries.atForWriting(pageOf(entry)) + startOf(entry);
    words[start + 8] = word8;
    words[start + 9] = word9;
    words[start + 10] = word10;
  }

  rewrite(entry: number, word8: number, word9: number, word10: number): void {
    this.noteRewritten(entry);
    this.write(entry, word8, word9, word10);
  }

  noteRewritten(entry: number): void {
    this.numbering.rewrites++;
    this.numbering.rewritten.add(Math.floor(entry / ENTRIES_PER_PIECE));
  }

  idOf(entry: number): Buffer {
    const id = Buffer.alloc(32);
    for (let i = 0; i < 8; i++) id.writeUInt32LE(this.word(entry, i), i * 4);
    return id;
  }

  use(entry: number, epoch: number): void {
    const page = Math.floor(entry / USES_PER_PAGE);
    const at = this.#uses.at(page) + ((entry % USES_PER_PAGE) >>> 1);
    const shift = (entry & 1) * 16;
    const before = this.#uses.words[at] as number;
    const after = ((before & ~(0xffff << shift)) | (epoch << shift)) >>> 0;
    if (after !== before) this.#uses.words[this.#uses.atForWriting(page) + ((entry % USES_PER_PAGE) >>> 1)] = after;
  }

  lastUse(entry: number): number {
    const at = this.#uses.at(Math.floor(entry / USES_PER_PAGE)) + ((entry % USES_PER_PAGE) >>> 1);
    return ((this.#uses.words[at] as number) >>> ((entry & 1) * 16)) & 0xffff;
  }

  levelUses(): void {
    for (const page of this.#uses.written()) {
      const at = this.#uses.atForWriting(page);
      const uses = new Uint16Array(this.#uses.words.buffer, at * 4, USES_PER_PAGE);
      for (let i = 0; i < uses.length; i++) if (uses[i] !== 0) uses[i] = 1;
    }
  }

  copyOf(piece: number, count: number): Buffer<ArrayBuffer> {
    const first = piece * ENTRIES_PER_PIECE;
    const end = Math.min(first + ENTRIES_PER_PIECE, count);
    const words = new Uint32Array((end - first) * WORDS_PER_ENTRY);
    // What was in the last block when somebody counted may be on the disk by now.
    const onDisk = Math.max(0, Math.min(end, this.#sealed) - first);
    const whole = onDisk - (onDisk % ENTRIES_PER_PAGE);
    this.#entries.readPages(first / ENTRIES_PER_PAGE, words.subarray(0, whole * WORDS_PER_ENTRY));
    for (let entry = first + whole; entry < end; entry++) {
      const at = (entry - first) * WORDS_PER_ENTRY;
      for (let word = 0; word < WORDS_PER_ENTRY; word++) words[at + word] = this.word(entry, word);
    }
    return bytesOf(words);
  }

  appendPiece(bytes: Buffer<ArrayBuffer>): void {
    const words = wordsOf(bytes);
    const block = ENTRIES_PER_BLOCK * WORDS_PER_ENTRY;
    for (let at = 0; at < words.length; at += block) this.#appendWords(words.subarray(at, at + block));
  }

  [Symbol.dispose](): void {
    this.#entries[Symbol.dispose]();
    this.#uses[Symbol.dispose]();
  }

  /** A block; every one before must be full. */
  #appendWords(words: Uint32Array): void {
    if (this.#count > this.#sealed) this.#seal();
    this.#tail.set(words);
    this.#count += words.length / WORDS_PER_ENTRY;
  }

  #seal(): void {
    this.#entries.writePages((this.#sealed / ENTRIES_PER_BLOCK) * PAGES_PER_BLOCK, this.#tail);
    this.#sealed += ENTRIES_PER_BLOCK;
  }
}

function pageOf(entry: number): number {
  return Math.floor(entry / ENTRIES_PER_PAGE);
}

function startOf(entry: number): number {
  return (entry % ENTRIES_PER_PAGE) * WORDS_PER_ENTRY;
}
