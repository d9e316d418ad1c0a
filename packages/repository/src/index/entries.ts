/** Which entries a snapshot has to write again. It stays the same object for as long as entries keep their numbers. */
export class Numbering {
  /** Pieces of which entries were written again. Whoever saves them removes them here. */
  readonly rewritten = new Set<number>();
  /** Grows whenever an entry is written again. */
  rewrites = 0;
}

/** The entries of a hash index, by number. An entry is appended and written once, or noted as rewritten. */
export interface Entries {
  readonly count: number;
  /** Of memory. */
  readonly byteLength: number;
  readonly numbering: Numbering;
  append(id: Uint32Array): number;
  word(entry: number, word: number): number;
  /** Whether an entry is the one of an id: no forgotten entry is. */
  has(entry: number, id: Uint32Array): boolean;
  /** What is known of an entry appended just now. */
  write(entry: number, word8: number, word9: number, word10: number): void;
  /** Of an older one. */
  rewrite(entry: number, word8: number, word9: number, word10: number): void;
  /** Its piece was written again before it was added. */
  noteRewritten(entry: number): void;
  idOf(entry: number): Buffer;
  use(entry: number, epoch: number): void;
  lastUse(entry: number): number;
  /** Makes every use so far one of epoch 1. */
  levelUses(): void;
  /** A copy of the entries of a piece, of those below `count`, in the byte order of this machine. */
  copyOf(piece: number, count: number): Buffer<ArrayBuffer>;
  /** Adds the entries of the next piece as `copyOf` gave them; every piece before must be full. */
  appendPiece(bytes: Buffer<ArrayBuffer>): void;
}
