import type { NbdPlace } from './nbd/address.ts';

export type EntryKind = 'file' | 'directory' | 'symlink' | 'fifo' | 'socket' | 'character' | 'block';

/** What a tree keeps about one name, apart from its content. Names are bytes; Linux gives them no encoding. */
export interface EntryMetadata {
  /** Relative, joined by `/`, the name of the root first. */
  path: Buffer;
  kind: EntryKind;
  /** Permission bits, 07777. */
  mode: number;
  uid: number;
  gid: number;
  mtimeNs: bigint;
  /** Bytes of content; 0 for everything but files. */
  size: number;
  linkTarget?: Buffer;
  /** Path of the first name of the same inode, when this is a later one. */
  hardLink?: Buffer;
  /** Major and minor number of a device node. */
  device?: [number, number];
  /** Sorted by name; ACLs are `system.posix_acl_access` and `system.posix_acl_default`. */
  xattrs?: [name: Buffer, value: Buffer][];
  /** Protected as a disk image, whatever the kind of node it was read from. */
  disk?: true;
}

/** Which file it is and in what state: two equal states mean that nothing was written in between. */
export interface SourceState {
  device: bigint;
  inode: bigint;
  size: number;
  mtimeNs: bigint;
  ctimeNs: bigint;
}

/** An entry as found on disk. `source.path` is absolute. */
export interface FoundEntry extends EntryMetadata {
  source: SourceState & {
    path: Buffer;
    links: number;
    /** Where its content is read instead of at `path`. */
    nbd?: NbdPlace;
    /** Whether an equal look at it in the next run will mean that it is unchanged. */
    settled: boolean;
  };
}

/** Something left out of a backup or a restore, and why; the rest goes on. */
export interface Warning<Code extends string> {
  path: Buffer;
  code: Code;
  message: string;
}

/**
 * - `read-in-full`: a disk was read before, and what has changed since is not known
 * - `not-frozen`: a guest has an agent, and its disks are as after a power cut all the same
 */
export type NoticeCode = 'read-in-full' | 'not-frozen';

/** A disk of which a dirty bitmap will tell what has changed since it was read. */
export interface TrackedDisk {
  /** In the tree. */
  path: Buffer;
  /** Bytes. */
  size: number;
  bitmap: string;
}

/** A root that is served while it is read, until it is disposed of, and the entries that it makes, in tree order. */
export interface OpenRoot extends AsyncDisposable {
  entries: FoundEntry[];
  /** What whoever reads the report of the run should know of it; paths are those in the tree. */
  notices?: Warning<NoticeCode>[];
  /** Disks of which the next run can read changes alone, if this one is kept. */
  tracked?: TrackedDisk[];
  /** All is read: whether it was whole until then. @throws Failure `image-shrunk` */
  check: () => void;
  /** The recovery point is made: from now on changes count from it. */
  keep?: () => void;
}
