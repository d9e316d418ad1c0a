import type { PackTable } from '../index/pack-table.ts';
import { saveSnapshot } from './save-snapshot.ts';
import { SavedPieces } from './saved-pieces.ts';
import type { SnapshotPlace } from './snapshot-place.ts';

/** Reading the footers of fewer packs costs nothing worth speaking of. */
const LEAST_PACKS = 64;
/** While the repository is open, another snapshot is due when more than one of so many packs is not in the last one. */
const SHARE = 64;

export interface KeeperOptions {
  place: SnapshotPlace;
  table: PackTable;
  /** Of the snapshot that was loaded. */
  saved: SavedPieces | undefined;
  /** Asks the store whether this program still owns the repository. */
  confirmLease: () => Promise<void>;
}

/** Writes snapshots of the index in the background. Failing costs nothing but time at the next opening. */
export class SnapshotKeeper implements AsyncDisposable {
  readonly #options: KeeperOptions;
  readonly #saved: SavedPieces;
  #running: Promise<void> | undefined;
  #closed = false;

  constructor(options: KeeperOptions) {
    this.#options = options;
    this.#saved = options.saved ?? new SavedPieces();
  }

  /** Begins to write one if it is due. */
  consider(): void {
    const { packCount } = this.#options.table;
    const fresh = packCount - this.#saved.packCount;
    if (this.#closed || this.#running !== undefined || fresh < Math.max(LEAST_PACKS, packCount / SHARE)) return;
    this.#running = this.#save().finally(() => {
      this.#running = undefined;
    });
  }

  /** Waits for the one that is being written, then writes the last one. The index must not change any more. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    await this.#running;
    const { packCount } = this.#options.table;
    const uncovered = packCount - this.#saved.packCount + this.#saved.growing;
    if (packCount >= LEAST_PACKS && uncovered > 0) await this.#save();
  }

  async #save(): Promise<void> {
    const { place, table, confirmLease } = this.#options;
    try {
      await confirmLease();
      await saveSnapshot(place, table, this.#saved);
    } catch {
      // A full disk, or a lost lease: the former snapshot holds, or the packs alone do.
    }
  }
}
