import type { EntryBlocks } from '../index/entry-blocks.ts';

/** A piece as it was saved last, or loaded. */
export interface SavedPiece {
  hash: string;
  /** Entries in it then. */
  entries: number;
}

/** What is known to stand in the place of the snapshot, so that only what changed is written again. */
export class SavedPieces {
  readonly #pieces = new WeakMap<EntryBlocks, SavedPiece[]>();
  /** Packs of the table that the snapshot tells of. */
  packCount = 0;
  /** Of these, how many were being written: it does not cover them. */
  growing = 0;

  of(entries: EntryBlocks): SavedPiece[] {
    const known = this.#pieces.get(entries) ?? [];
    this.#pieces.set(entries, known);
    for (const piece of entries.rewritten) delete known[piece];
    entries.rewritten.clear();
    return known;
  }
}
