import type { BoundaryRules, FoundEntry, SnapshotView, WalkItem } from '@sealift/workloads';
import { Packr } from 'msgpackr';
import type { CacheToRead } from '../cache/cache-file.ts';
import type { Kept } from '../cache/known-pages.ts';

export type WalkedItem = Exclude<WalkItem, { unchanged: true }> | Kept;
export type { FoundEntry };

/** What the walking thread is given at its start. */
export interface WalkOrder {
  roots: WalkRoot[];
  exclude: string[];
  boundaries: BoundaryRules;
  /** What the last run has found. */
  known?: CacheToRead;
}

/** A source of the job and the name of its root in the tree. */
export interface WalkRoot {
  path: Uint8Array;
  name: Uint8Array;
  /** Where it is walked instead. */
  view?: SnapshotView;
}

export type WalkerMethods = {
  /** The next items of the walk, packed; an empty list at its end. */
  next: [undefined, Uint8Array];
};

/** One flat buffer crosses between threads faster than thousands of small ones. Ids and times keep all 64 bits. */
const packr = new Packr({ int64AsType: 'bigint' });

export function packItems(items: WalkedItem[]): Buffer {
  return packr.pack(items);
}

/** Input comes from our own worker, so it is not validated again. */
export function unpackItems(packed: Buffer): WalkedItem[] {
  return packr.unpack(packed);
}
