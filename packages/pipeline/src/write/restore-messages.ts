import type { ChunkType } from '@sealift/crypto';
import type { RestorePolicy } from '@sealift/workloads';
import type { OpeningKeys } from '../decrypt/chunk-opener.ts';
import type { ThreadPool } from '../threads/pool.ts';

/** What a restore worker is given at its start. */
export interface RestoreWorkerData {
  destination: string;
  overwrite: RestorePolicy['overwrite'];
  keys: OpeningKeys;
  /** Memory of the clock of the run. */
  clock: SharedArrayBuffer;
}

export interface StoredPiece {
  id: Uint8Array;
  type: ChunkType;
  /** Transferred. */
  body: Uint8Array;
}

/** Small files, all members of one bundle. */
export interface BundleWork {
  /** Packed entries. */
  entries: Uint8Array;
  /** Place of each entry's content in the bundle. */
  ordinals: number[];
  bundle: StoredPiece;
}

export interface BundleResult {
  /** For each entry 1 if it is restored, else 0: a warning said why. */
  restored: Uint8Array;
  /** Ids of the contents of the entries, 32 bytes each. */
  ids: Uint8Array;
}

/** Small files whose contents other restored files have. */
export interface TwinWork {
  /** Packed entries. */
  entries: Uint8Array;
  /** For each, the path of the other file in the recovery point. */
  paths: Uint8Array[];
  /** Ids of the contents, 32 bytes each. */
  ids: Uint8Array;
}

/** What became of a file that has a twin: `unlike` if the twin is gone or changed. */
export const TWIN = { unlike: 0, restored: 1, refused: 2 } as const;

export interface OpenedOutput {
  /** Descriptor, valid in every thread until finished or discarded. */
  fd: number;
  /** A new file, in which zeros need not be written. */
  sparse: boolean;
}

export interface PieceWork {
  fd: number;
  sparse: boolean;
  /** Zeros in a piece of a disk stay holes; in a file, what was data becomes data. */
  disk: boolean;
  offset: number;
  piece: StoredPiece;
}

export type RestoreWorkerMethods = {
  /** Folders, one owner: made in tree order. */
  makeDirectories: [Uint8Array, undefined];
  /** Links and nodes, then metadata of folders that are complete: everything before the last entry is written. */
  settle: [{ places: Uint8Array; path: Uint8Array }, undefined];
  finishDirectories: [undefined, undefined];
  /** Small files. */
  bundle: [BundleWork, BundleResult];
  /** Answers one of `TWIN` for each entry. */
  twins: [TwinWork, Uint8Array];
  /** Files without content. */
  empty: [Uint8Array, number];
  /** Undefined: not to be restored; a warning said why. */
  open: [Uint8Array, OpenedOutput | undefined];
  write: [PieceWork, undefined];
  hole: [{ fd: number; offset: number; length: number }, undefined];
  /** True if the file is now there under its name. */
  finish: [number, boolean];
  discard: [number, undefined];
};

export type RestoreMainMethods = {
  warn: [{ path: Uint8Array; code: string; message: string }, undefined];
};

export type RestorePool = ThreadPool<RestoreWorkerMethods, RestoreMainMethods>;
