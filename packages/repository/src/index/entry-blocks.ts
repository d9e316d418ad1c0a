const WORDS_PER_ENTRY = 11;
const ENTRY_BYTES = WORDS_PER_ENTRY * 4;
export const ENTRIES_PER_BLOCK = 16384;
const BLOCKS_PER_PIECE = 16;
/** A snapshot keeps so many entries (11 MiB) in one file. */
export const ENTRIES_PER_PIECE = ENTRIES_PER_BLOCK * BLOCKS_PER_PIECE;
export const PIECE_BYTES = ENTRIES_PER_PIECE * ENTRY_BYTES;

/**
 * The entries of a hash index, in blocks that are never moved. Entry, in u32 words: 0-7 id; 8-10 what is known of it.
 * Beside it 16 bits tell the epoch of its last use. An entry is appended and written once, or noted as rewritten.
 */
export class EntryBlocks {
  readonly #blocks: Uint32Array[] = [];
  readonly #uses: Uint16Array[] = [];
  #count = 0;
  /** Pieces of which entries were written again. Whoever saves them removes them here. */
  readonly rewritten = new Set<number>();
  /** Grows whenever an entry is written again. */
  rewrites = 0;

  get count(): number {
    return this.#count;
  }

  get byteLength(): number {
    return this.#blocks.length * ENTRIES_PER_BLOCK * (ENTRY_BYTES + 2);
  }

  append(id: Uint32Array): number {
    const entry = this.#count++;
    if (entry % ENTRIES_PER_BLOCK === 0) {
      this.#blocks.push(new Uint32Array(ENTRIES_PER_BLOCK * WORDS_PER_ENTRY));
      this.#uses.push(new Uint16Array(ENTRIES_PER_BLOCK));
    }
    this.blockOf(entry).set(id, this.startOf(entry));
    return entry;
  }

  /** The words of the entry are found in its block from `startOf` on. */
  blockOf(entry: number): Uint32Array {
    return this.#blocks[Math.floor(entry / ENTRIES_PER_BLOCK)] as Uint32Array;
  }

  startOf(entry: number): number {
    return (entry % ENTRIES_PER_BLOCK) * WORDS_PER_ENTRY;
  }

  word(entry: number, word: number): number {
    return this.blockOf(entry)[this.startOf(entry) + word] as number;
  }

  has(entry: number, id: Uint32Array): boolean {
    const block = this.blockOf(entry);
    const at = this.startOf(entry);
    for (let i = 0; i < 8; i++) if (block[at + i] !== id[i]) return false;
    return true;
  }

  /** What is known of an entry appended just now. */
  write(entry: number, word8: number, word9: number, word10: number): void {
    const block = this.blockOf(entry);
    const at = this.startOf(entry) + 8;
    block[at] = word8;
    block[at + 1] = word9;
    block[at + 2] = word10;
  }

  /** Of an older one. */
  rewrite(entry: number, word8: number, word9: number, word10: number): void {
    this.rewrites++;
    this.rewritten.add(Math.floor(entry / ENTRIES_PER_PIECE));
    this.write(entry, word8, word9, word10);
  }

  idOf(entry: number): Buffer {
    const id = Buffer.alloc(32);
    for (let i = 0; i < 8; i++) id.writeUInt32LE(this.word(entry, i), i * 4);
    return id;
  }

  use(entry: number, epoch: number): void {
    (this.#uses[Math.floor(entry / ENTRIES_PER_BLOCK)] as Uint16Array)[entry % ENTRIES_PER_BLOCK] = epoch;
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

  /** A copy of the entries of a piece, of those below `count`, in the byte order of this machine. */
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

  /** Adds the entries of the next piece as `copyOf` gave them; every piece before must be full. Whole blocks are not copied. */
  appendPiece(bytes: Buffer<ArrayBuffer>): void {
    const words = wordsOf(bytes);
    const block = ENTRIES_PER_BLOCK * WORDS_PER_ENTRY;
    for (let at = 0; at < words.length; at += block) {
      const part = words.subarray(at, at + block);
      this.#count += part.length / WORDS_PER_ENTRY;
      this.#blocks.push(part.length === block ? part : filledUp(part, block));
      this.#uses.push(new Uint16Array(ENTRIES_PER_BLOCK));
    }
  }
}

/** Length of a piece with so many entries. */
export function pieceLength(entries: number): number {
  return entries * ENTRY_BYTES;
}

function wordsOf(bytes: Buffer<ArrayBuffer>): Uint32Array {
  const aligned = bytes.byteOffset % 4 === 0 ? bytes : Buffer.from(new Uint8Array(bytes).buffer);
  return new Uint32Array(aligned.buffer, aligned.byteOffset, aligned.length / 4);
}

function filledUp(part: Uint32Array, length: number): Uint32Array {
  const whole = new Uint32Array(length);
  whole.set(part);
  return whole;
}
