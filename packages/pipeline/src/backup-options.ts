import type { Failure } from '@sealift/core';
import type { ChunkKeys, Identity, RunKey, TaskKeys } from '@sealift/crypto';
import type { ProtectionMode } from '@sealift/repository';
import type { Link, Progress, ReadingRules } from '@sealift/wire';
import type { PathWarning } from './progress.ts';

export interface BackupOptions {
  /** UUID of the run, and of the recovery point it makes. */
  runId: string;
  jobId: string;
  /** UUID of this Transporter. */
  sourceId: string;
  /** Absolute paths. */
  sources: Buffer[];
  exclude: string[];
  reading?: ReadingRules;
  mode: ProtectionMode;
  /** `auto`, `zstd`, `zstd:LEVEL`, `lz4` or `none`. */
  compression: string;
  repositoryId: string;
  /** Who can read what, as JSON, to be kept with the point. */
  explanation?: string;
  /** Signs the recovery point. */
  identity: Identity;
  /** Dials the target with a fresh ticket. */
  connect: (signal: AbortSignal) => Promise<Link>;
  /** Source-side mode: the keys of this run and the descriptor of its domain. */
  keys?: () => Promise<{ keys: TaskKeys; descriptor: Buffer }>;
  /** File with what the last run of the job has found, made and replaced here; it may be lost at any time. */
  cache?: string;
  /** File with what disks of virtual machines were made of at the last run, so that only changes are read; as `cache`. */
  diskNotes?: string;
  /** An existing folder for spill files, which are removed at the end. */
  spool: string;
  /** Folder for notes of what is made for the run and must not outlive it; without it, no snapshots are taken. */
  leftovers?: string;
  /** What is to be known about the run already. */
  notes?: string[];
  /** Worker threads that read, chunk, compress and encrypt. */
  workers: number;
  onProgress: (progress: Progress) => void;
  onWarning: (warning: PathWarning) => void;
  /** Told when the link to the target is lost and made anew. */
  onReconnect?: (failure: Failure) => void;
}

export interface BackupOutcome {
  pointId: string;
  /** SHA-256 of the recovery point file. */
  hash: Buffer;
  sequence: number;
  createdAt: number;
  /** Hash of the point before it, as the target gave it. */
  previous?: Buffer;
  /** `runsDigest` of its run table; source-side only. */
  runsHash?: Buffer;
  /** Salt of the run that made it, source-side only. */
  runSalt?: Buffer;
  /** What the point holds; zeros if an earlier attempt of the same run had committed it. */
  files: number;
  bytes: number;
  progress: Progress;
  /** Why the cache for the next run could not be written, if so. */
  cacheLost?: Failure;
}

/** What a source-side run seals with; there is no such thing in in-flight mode. */
export interface Sealing {
  run: RunKey;
  chunkKeys: ChunkKeys;
  descriptor: Buffer;
}
