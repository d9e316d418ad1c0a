import { isWithin } from '../path-text.ts';

/** A source as it is to be seen in a snapshot of the volume that it is on. */
export interface SnapshotView {
  /** Its path in the snapshot, which is walked. */
  at: Buffer;
  /** Its path outside, without links. */
  of: Buffer;
  /** ms since 1970; what was written before this is in the snapshot. */
  instant: number;
  /** What is mounted below `of`, and so is not in the snapshot. */
  mounts: Buffer[];
}

/** What stands in a Btrfs snapshot for a subvolume below it: an empty folder. No real one has this inode. */
const SUBVOLUME_PLACEHOLDER = 2n;

/** Tells which folders of a snapshot stand for something that is not in it, and where that is. */
export class Stand {
  readonly #view: SnapshotView;
  readonly #mounts: ReadonlySet<string>;

  constructor(view: SnapshotView) {
    this.#view = view;
    this.#mounts = new Set(view.mounts.map((mount) => mount.toString('latin1')));
  }

  /** Where the folder at this path is to be walked instead, if it only stands for another. */
  elsewhere(path: Buffer, inode: bigint): Buffer | undefined {
    const live = this.#live(path);
    if (live === undefined) return undefined;
    return inode === SUBVOLUME_PLACEHOLDER || this.#mounts.has(live.toString('latin1')) ? live : undefined;
  }

  isMountPoint(path: Buffer): boolean {
    const live = this.#mounts.size === 0 ? undefined : this.#live(path);
    return live !== undefined && this.#mounts.has(live.toString('latin1'));
  }

  #live(path: Buffer): Buffer | undefined {
    return livePath(this.#view, path);
  }
}

/** The path outside the snapshot; undefined for what is outside already. */
export function livePath({ at, of }: Pick<SnapshotView, 'at' | 'of'>, path: Buffer): Buffer | undefined {
  if (!isWithin(at, path)) return undefined;
  const rest = path.subarray(at.length);
  return of.length === 1 && rest.length > 0 ? rest : Buffer.concat([of, rest]);
}
