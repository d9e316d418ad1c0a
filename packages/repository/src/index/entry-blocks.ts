import { type Entries, Numbering } from './entries.ts';
import { ENTRY_BYTES, GONE, MEMBER, typeIn, WORDS_PER_ENTRY } from './entry-words.ts';

const BLOCK_BITS = 14;
export const ENTRIES_PER_BLOCK = 2 ** BLOCK_BITS;
const IN_BLOCK = ENTRIES_PER_BLOCK - 1;
const BLOCKS_PER_PIECE = 16;
/** A snapshot keeps so many entries (11 MiB) in one file. */
export const ENTRIES_PER_PIECE = ENTRIES_PER_BLOCK * BLOCKS_PER_PIECE;

/** Entries in memory, in blocks that are never moved. Beside each 16 bits tell the epoch of its last use. */
export class EntryBlocks implements Entries {
  readonly numbering = new Numbering();
  readonly #blocks: Uint32Array[] = [];
  /** Made at the first use in a block. */
  readonly #uses: (Uint16Array | undefined)[] = [];
  #count = 0;
  #byteLength = 0;

  get count(): number {
    return this.#count;
  }

  get byteLength(): number {
    return this.#byteLength;
  }

  append(id: Uint32Array): number {
    const entry = this.#count++;
    if ((entry & IN_BLOCK) === 0) this.#addBlock(new Uint32Array(ENTRIES_PER_BLOCK * WORDS_PER_ENTRY));
    const block = this.blockOf(entry);
    const at = this.startOf(entry);
    for (let i = 0; i < 8; i++) block[at + i] = id[i] as number;
    return entry;
  }

  /** The words of the entry are found in its block from `startOf` on. */
  blockOf(entry: number): Uint32Array {
    return this.#blocks[entry >>> BLOCK_BITS] as Uint32Array;
  }

  startOf(entry: number): number {
    return (entry & IN_BLOCK) * WORDS_PER_ENTRY;
  }

  word(entry: number, word: number): number {
    return this.blockOf(entry)[this.startOf(entry) + word] as number;
  }

  has(entry: number, id: Uint32Array): boolean {
    const block = this.blockOf(entry);
    const at = this.startOf(entry);
    for (let i = 0; i < 8; i++) if (block[at + i] !== id[i]) return false;
    return typeIn(block[at + 8] as number) !== MEMBER || block[at + 9] !== GONE;
  }

  write(entry: number, word8: number, word9: number, word10: number): void {
    const block = this.blockOf(entry);
    const at = this.startOf(entry) + 8;
    block[at] = word8;
    block[at + 1] = word9;
    block[at + 2] = word10;
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
    const block = entry >>> BLOCK_BITS;
    let uses = this.#uses[block];
    if (uses === undefined) {
      uses = new Uint16Array(ENTRIES_PER_BLOCK);
      this.#uses[block] = uses;
      this.#byteLength += uses.byteLength;
    }
    uses[entry & IN_BLOCK] = epoch;
  }

  lastUse(entry: number): number {
    return this.#uses[entry >>> BLOCK_BITS]?.[entry & IN_BLOCK] ?? 0;
  }

  levelUses(): void {
    for (const uses of this.#uses) {
      if (uses === undefined) continue;
      for (let i = 0; i < uses.length; i++) if (uses[i] !== 0) uses[i] = 1;
    }
  }

  copyOf(piece: number, count: number): Buffer<ArrayBuffer> {
    const first = piece * ENTRIES_PER_PIECE;
    const entries = Math.min(ENTRIES_PER_PIECE, count - first);
    const words = new Uint32Array(entries * WORDS_PER_ENTRY);
    for (let at = 0; at < entries; at += ENTRIES_PER_BLOCK) {
      const here = Math.min(ENTRIES_PER_BLOCK, entries - at);
      words.set(this.blockOf(first + at).subarray(0, here * WORDS_PER_ENTRY), at * WORDS_PER_ENTRY);
    }
    return Buffer.from(words.buffer);
  }

  /** Whole blocks are not copied. */
  appendPiece(bytes: Buffer<ArrayBuffer>): void {
    const words = wordsOf(bytes);
    const block = ENTRIES_PER_BLOCK * WORDS_PER_ENTRY;
    for (let at = 0; at < words.length; at += block) {
      const part = words.subarray(at, at + block);
      this.#count += part.length / WORDS_PER_ENTRY;
      this.#addBlock(part.length === block ? part : filledUp(part, block));
    }
  }

  #addBlock(block: Uint32Array): void {
    this.#blocks.push(block);
    this.#uses.push(undefined);
    this.#byteLength += block.byteLength;
  }
}

/** Length of a piece with so many entries. */
export function pieceLength(entries: number): number {
  return entries * ENTRY_BYTES;
}

export function wordsOf(bytes: Buffer<ArrayBuffer>): Uint32Array {
  const aligned = bytes.byteOffset % 4 === 0 ? bytes : Buffer.from(new Uint8Array(bytes).buffer);
  return new Uint32Array(aligned.buffer, aligned.byteOffset, aligned.length / 4);
}

function filledUp(part: Uint32Array, length: number): Uint32Array {
  const whole = new Uint32Array(length);
  whole.set(part);
  return whole;
}
