import type { TreeEntry } from '@sealift/repository';

/** An entry that is looked at: of the tree of a point, or of a filesystem on a disk of it. */
export type LookedEntry = Omit<TreeEntry, 'content'> & {
  /** There for what has a content of its own, and known to whoever reads it. */
  content?: TreeEntry['content'] | { inside: true };
  /** Of a partition: what lies in it. */
  filesystem?: string;
};

/** What can be listed, searched and downloaded from. Entries come in tree order. */
export interface LookedTree {
  /** What was fetched for it so far. */
  readonly pagesRead: number;
  find(path: Buffer): Promise<LookedEntry | undefined>;
  /** The direct contents of a folder, after the name `after` if it is given. */
  children(folder: Buffer, after?: Buffer): AsyncIterable<LookedEntry>;
  /** All of it, from the first whose path is not before `from`. */
  entries(from?: Buffer): AsyncIterable<LookedEntry>;
}

/** A stretch of a file, in order: its bytes, or that there are none. */
export type Stretch = { kind: 'data'; bytes: Buffer } | { kind: 'hole'; length: number };

/** Reads the contents of looked-at files. */
export interface Contents {
  /** From its beginning to its end, exactly as long as the entry says. */
  read(entry: LookedEntry, signal: AbortSignal): AsyncIterable<Stretch>;
  /** Where its bytes are. */
  segments(entry: LookedEntry): AsyncIterable<{ kind: 'hole' | 'chunk' | 'member'; length: number }>;
}
