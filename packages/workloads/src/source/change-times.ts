import { statfsSync } from 'node:fs';
import type { FileStatus } from '../posix/stat.ts';

/** What the times of a filesystem are worth. */
interface Worth {
  /** A change this young, ms, may be followed by another with the same time. */
  granularity: number;
  /** Whether the modification time of a folder tells of every name that came or went. */
  folders: boolean;
}

/** Two seconds is the coarsest clock of any filesystem, and one more for a run that is slow to look. */
const LOCAL: Worth = { granularity: 3_000, folders: true };
/** The clock is that of a server, which may differ from ours, and attributes are cached. */
const NETWORK: Worth = { granularity: 300_000, folders: false };

/**
 * Filesystems that change an inode's ctime whenever it is touched, by the magic numbers of statfs(2). In images made by
 * tools (squashfs, ISO 9660) times are what their maker liked; of others we do not know.
 */
const WORTH: ReadonlyMap<number, Worth> = new Map([
  [0xef53, LOCAL], // ext2, ext3, ext4
  [0x58465342, LOCAL], // XFS
  [0x9123683e, LOCAL], // Btrfs
  [0x2fc12fc1, LOCAL], // ZFS
  [0xf2f52010, LOCAL], // F2FS
  [0xca451a4e, LOCAL], // bcachefs
  [0x3153464a, LOCAL], // JFS
  [0x01021994, LOCAL], // tmpfs
  [0x6969, NETWORK], // NFS
  [0x00c36400, NETWORK], // Ceph
]);

/** Filesystems remembered; with more than that, the walk asks again. */
const MOST_FILESYSTEMS = 4096;

/** Tells whether two equal looks at a file, one in this run and one in the next, will mean that it is unchanged. */
export class ChangeTimes {
  readonly #instant: number | undefined;
  readonly #worth = new Map<number, Worth | undefined>();

  /** @param instant ms, of the snapshot that is looked at; else it is what is there at the time of asking */
  constructor(instant?: number) {
    this.#instant = instant;
  }

  /** @param path something in that filesystem, links not at its end */
  kept(filesystem: number, path: Buffer): boolean {
    return this.#of(filesystem, path) !== undefined;
  }

  /** Whether an unchanged folder need not be listed. */
  foldersKept(filesystem: number, path: Buffer): boolean {
    return this.#of(filesystem, path)?.folders === true;
  }

  /** False for what was changed so shortly ago that another change might not show. */
  settled({ filesystem, kind, mtimeNs, ctimeNs }: FileStatus, path: Buffer): boolean {
    // A link is followed by statfs; it has no content to be read, but may stand in a folder that is skipped.
    const worth = this.#of(filesystem, kind === 'symlink' ? parentOf(path) : path);
    if (worth === undefined) return false;
    const now = this.#instant ?? Date.now();
    const limit = BigInt(now - worth.granularity) * 1_000_000n;
    // Anybody may set a modification time in the future; only the kernel sets the other.
    return ctimeNs < limit && (mtimeNs < limit || mtimeNs > BigInt(now) * 1_000_000n);
  }

  #of(filesystem: number, path: Buffer): Worth | undefined {
    if (this.#worth.has(filesystem)) return this.#worth.get(filesystem);
    if (this.#worth.size >= MOST_FILESYSTEMS) this.#worth.clear();
    const worth = worthAt(path);
    this.#worth.set(filesystem, worth);
    return worth;
  }
}

function worthAt(path: Buffer): Worth | undefined {
  try {
    return WORTH.get(statfsSync(path).type);
  } catch {
    return undefined;
  }
}

function parentOf(path: Buffer): Buffer {
  return path.subarray(0, Math.max(1, path.lastIndexOf(0x2f)));
}
