import type { ChunkKeys, ChunkType, Compression, RunKey } from '@sealift/crypto';
import type { NbdPlace, SourceState } from '@sealift/workloads';

/** What a source worker is given at its start. */
export interface SourceWorkerData {
  chunkKeys: ChunkKeys;
  /** Source-side mode: chunks are sealed under this run. In-flight mode: chunks stay plain, the link encrypts them. */
  run?: RunKey;
  compression: Compression;
  /** Memory of the clock of the run. */
  clock: SharedArrayBuffer;
}

/** Small files to be read whole and packed together. */
export interface BatchWork {
  files: { path: Uint8Array; size: number }[];
}

export type FileProblem = { code: 'unreadable' | 'vanished' | 'changed'; message: string };

export interface BatchResult {
  files: (
    | { state: 'read'; member: Uint8Array; length: number; problem?: FileProblem }
    | { state: 'empty' }
    | { state: 'sparse' }
    | { state: 'failed'; problem: FileProblem }
  )[];
}

/** A part of a large file or of a disk. */
export interface StretchWork {
  path: Uint8Array;
  offset: number;
  length: number;
  /** Disks are cut at fixed places and their zeros are not kept; files are cut by content. */
  disk: boolean;
  /** The file as it was found; it is compared when the stretch was read. */
  found: SourceState;
  /** Where it is read instead of at `path`. */
  nbd?: NbdPlace;
  /** Encoded segments of the stretch as it was: only what has changed since is read. */
  known?: Uint8Array;
}

export interface StretchResult {
  /** Encoded segments covering `length`, or less if the file ended early. */
  segments: Uint8Array;
  /** True if nothing of the file can be kept. */
  lost: boolean;
  problem?: FileProblem;
}

export type SourceWorkerMethods = {
  batch: [BatchWork, BatchResult];
  stretch: [StretchWork, StretchResult];
  /** Makes one chunk of a plaintext that is not file data; answers its id. */
  store: [{ type: ChunkType; plaintext: Uint8Array }, Uint8Array];
};

/** What source workers ask of the main thread. */
export type SourceMainMethods = {
  /** Verdicts for chunk ids, 32 bytes each. */
  askChunks: [Uint8Array, Uint8Array];
  /** Verdicts for ids of small file contents. */
  askMembers: [Uint8Array, Uint8Array];
  /** Hands a chunk over; answered when it fits into the window. */
  put: [PutChunk, undefined];
  /** Counts plaintext bytes read. */
  read: [number, undefined];
};

export interface PutChunk {
  type: ChunkType;
  id: Uint8Array;
  members: Uint8Array;
  body: Uint8Array;
  plaintextLength: number;
}
