import type { Failure } from '@sealift/core';
import type { RunRecord } from '@sealift/crypto';
import type { PackEntry } from '../format/pack-footer.ts';
import type { IndexedPack, PackTable } from '../index/pack-table.ts';
import type { RecordToWrite } from '../pack-file.ts';
import type { Sessions } from '../sessions.ts';
import type { Store } from '../store/store.ts';
import type { Marks } from './marks.ts';
import type { Pace } from './pace.ts';

export interface CollectOptions {
  /** Tells what would be done, and changes nothing. */
  dryRun?: boolean;
  /** Packs of which less than this share is needed are rewritten; 0 to 1, 0.6 unless told. */
  threshold?: number;
  /** How long a backup that was cut off may stay away without losing what it stored, ms; a day unless told. */
  grace?: number;
  /** Most that is read and written, bytes a second. */
  bytesPerSecond?: number;
  onProgress?: (progress: CollectProgress) => void;
}

export interface CollectProgress {
  /** In this order; `done` counts points, then packs, then packs. */
  phase: 'mark' | 'sweep' | 'repack';
  done: number;
  total: number;
  /** So far. */
  bytesFreed: number;
}

export interface CollectReport {
  dryRun: boolean;
  /** Recovery points whose chunks were kept. */
  points: number;
  /** Finished packs. */
  packsBefore: number;
  packsAfter: number;
  /** Deleted whole, and rewritten; of a dry run, those that would be. */
  packsDead: number;
  packsRepacked: number;
  bytesBefore: number;
  bytesAfter: number;
  /** What the repository shrank by; of a dry run, what it would at least. */
  bytesFreed: number;
  /** Records copied into new packs. */
  bytesRepacked: number;
  /** Records nobody needs that stay: used too lately, or in packs of which most is needed. */
  bytesWaiting: number;
  /** Chunks that recovery points refer to and the repository does not hold. */
  chunksMissing: number;
  durationMs: number;
  /** Packs that were left alone because they are damaged. */
  problems: Failure[];
}

/** Gives records of packs that are sealed under an earlier master key the form they have under the present one. */
export interface Resealing {
  /** Of the repository's own zone, sealed under another master key than the present one. */
  concerns(pack: Pick<IndexedPack, 'masterEpoch'>): boolean;
  /** Run of the packs that take the records up. */
  run: RunRecord;
  /** @throws Failure `format-damaged` for a chunk that does not open */
  record(stored: PackEntry, bytes: Buffer): RecordToWrite;
}

/** What all steps of one collection share. */
export interface Collection {
  store: Store;
  table: PackTable;
  sessions: Sessions;
  marks: Marks;
  /** There when everything is to be sealed under the present master key. */
  resealing?: Resealing;
  pace: Pace;
  report: CollectReport;
  onProgress: (progress: Omit<CollectProgress, 'bytesFreed'>) => void;
  /** Asks the store whether this program still owns the repository; before everything that takes something away. */
  confirmLease: () => Promise<void>;
  /** Told by how many bytes the finished packs grew or shrank. */
  onStored: (bytes: number) => void;
}
