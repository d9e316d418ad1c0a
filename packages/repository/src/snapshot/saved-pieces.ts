import type { Piece } from '../format/index-snapshot.ts';
import type { Numbering } from '../index/entries.ts';

/** A piece as it was saved last, or loaded. */
export interface SavedPiece extends Piece {
  /** Entries in it then. */
  entries: number;
}

/** What is known to stand in the place of the snapshot, so that only what changed is written again. */
export class SavedPieces {
  readonly #pieces = new WeakMap<Numbering, SavedPiece[]>();
  /** Packs of the table that the snapshot tells of. */
  packCount = 0;
  /** Of these, how many were being written: it does not cover them. */
  growing = 0;

  of(numbering: Numbering): SavedPiece[] {
    const known = this.#pieces.get(numbering) ?? [];
    this.#pieces.set(numbering, known);
    for (const piece of numbering.rewritten) delete known[piece];
    numbering.rewritten.clear();
    return known;
  }
}
