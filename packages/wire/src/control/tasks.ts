import { STAGES, type Stage } from '@sealift/core';
import { type Static, type TNumber, type TOptional, Type } from 'typebox';
import {
  bytes,
  Count,
  Digest,
  FailureFields,
  Instant,
  Mode,
  Overwrite,
  PathBytes,
  record,
  text,
  Uuid,
} from './fields.ts';
import { ReadingRules } from './reading.ts';
import { UPKEEP_PHASES, UpkeepCounts, UpkeepReport, UpkeepStart } from './upkeep.ts';

/** Milliseconds that the threads of a task spent in each stage, of those stages it has. */
const StageFields = record(
  Object.fromEntries(STAGES.map((stage) => [stage, Type.Optional(Type.Number({ minimum: 0 }))])) as Record<
    Stage,
    TOptional<TNumber>
  >,
);

/** Longest note on a run, and most of them. */
export const MAX_NOTE = 512;
export const MAX_NOTES = 64;

/** Where a task stands. Counts of files and bytes since its start, over all its connections. */
export const ProgressFields = record({
  phase: Type.Union([
    Type.Literal('reading'),
    Type.Literal('committing'),
    Type.Literal('restoring'),
    Type.Literal('serving'),
    Type.Literal('waiting'),
    Type.Literal('verifying'),
    Type.Literal('repairing'),
    Type.Literal('collecting'),
    Type.Literal('sealing'),
    Type.Literal('copying'),
  ]),
  files: Count,
  bytesRead: Count,
  bytesTotal: Type.Optional(Count),
  /** Of `files`, those that were not read because nothing has touched them since the last point, and their contents. */
  filesUnchanged: Type.Optional(Count),
  bytesUnchanged: Type.Optional(Count),
  /** Plaintext of the chunks that the target lacked. */
  bytesNew: Count,
  bytesSent: Count,
  bytesStored: Count,
  reconnects: Count,
  warnings: Count,
  stages: Type.Optional(StageFields),
  /** What is to be known of a backup beside its warnings: how each source was held still. Not told to an older Director. */
  notes: Type.Optional(Type.Array(text(MAX_NOTE), { maxItems: MAX_NOTES })),
  /** Tasks on a repository; their `files` are files of the repository. */
  upkeep: Type.Optional(UpkeepCounts),
});
export type Progress = Static<typeof ProgressFields>;

/** The recovery point a backup has made. */
export const TaskPoint = record({
  id: Uuid,
  hash: Digest,
  sequence: Count,
  createdAt: Instant,
  files: Count,
  bytes: Count,
  mode: Mode,
  /** Hash of the point before it, as the target gave it; absent in the first of a chain. */
  previous: Type.Optional(Digest),
  /** `runsDigest` of its run table; source-side only. */
  runsHash: Type.Optional(Digest),
  /** Salt of the run whose key sealed it, one of those that were handed to this task; source-side only. */
  runSalt: Type.Optional(bytes(32, 32)),
});
export type TaskPoint = Static<typeof TaskPoint>;

export const TaskResultFields = record({
  outcome: Type.Union([
    Type.Literal('done'),
    Type.Literal('warnings'),
    Type.Literal('failed'),
    Type.Literal('cancelled'),
  ]),
  failure: Type.Optional(FailureFields),
  progress: ProgressFields,
  point: Type.Optional(TaskPoint),
  /** Tasks on a repository. */
  report: Type.Optional(UpkeepReport),
  startedAt: Instant,
  finishedAt: Instant,
});
export type TaskResult = Static<typeof TaskResultFields>;

/** Something that was skipped or damaged, named by its path. */
export const TaskWarningFields = record({ path: PathBytes, code: text(64), message: text(1024) });
export type TaskWarning = Static<typeof TaskWarningFields>;

export const BackupSpec = record({
  /** Absolute paths. */
  sources: Type.Array(bytes(4096, 1), { minItems: 1, maxItems: 256 }),
  exclude: Type.Array(text(1024), { maxItems: 1024 }),
  repositoryId: Uuid,
  mode: Mode,
  compression: text(16),
  /** Who can read what, as JSON; goes into the recovery point. */
  explanation: Type.Optional(text(16 * 1024)),
  /** Absent: a Director that does not know of it. */
  reading: Type.Optional(ReadingRules),
});
export type BackupSpec = Static<typeof BackupSpec>;

/** The authority that the signer of a point must have, PEM, where it is not that of the installation: an adopted point. */
export const OtherAuthority = Type.Optional(text(16 * 1024));

export const RestoreSpec = record({
  pointId: Uuid,
  /** SHA-256 of the recovery point, where the Director knows it: another one is refused. */
  hash: Type.Optional(Digest),
  repositoryId: Uuid,
  mode: Mode,
  authority: OtherAuthority,
  /** Absolute path of the folder to restore into. */
  destination: text(4096),
  /** Globs; empty for everything. */
  only: Type.Array(text(1024), { maxItems: 1024 }),
  overwrite: Overwrite,
  /**
   * Nothing is written: the disks that `only` names by their paths, or all, are served over NBD at the unix socket
   * `destination`, until the task is cancelled.
   */
  serve: Type.Optional(Type.Literal(true)),
});
export type RestoreSpec = Static<typeof RestoreSpec>;

const start = {
  taskId: Uuid,
  runId: Uuid,
  jobId: Uuid,
  jobName: text(64),
  attempt: Type.Integer({ minimum: 1, maximum: 1000 }),
};

const backup = record({ ...start, kind: Type.Literal('backup'), spec: BackupSpec });
const restore = record({ ...start, kind: Type.Literal('restore'), spec: RestoreSpec });

/** What a source or an agent does for a job. */
export type JobStart = Static<typeof backup> | Static<typeof restore>;

/**
 * What a Transporter is asked to do: a source or an agent for a job, a target on a repository. Starting a task that it
 * already has is answered and changes nothing.
 */
export const TaskStart = Type.Union([backup, restore, UpkeepStart]);
export type TaskStart = JobStart | UpkeepStart;

export function isUpkeepTask(task: TaskStart): task is UpkeepStart {
  return Object.hasOwn(UPKEEP_PHASES, task.kind);
}

export const EntryKind = Type.Union([
  Type.Literal('file'),
  Type.Literal('directory'),
  Type.Literal('symlink'),
  Type.Literal('fifo'),
  Type.Literal('socket'),
  Type.Literal('character'),
  Type.Literal('block'),
]);

/** One name in a recovery point, for browsing. */
export const EntryFields = record({
  path: PathBytes,
  kind: EntryKind,
  size: Count,
  /** Permission bits, 07777. */
  mode: Type.Integer({ minimum: 0, maximum: 0o7777 }),
  uid: Count,
  gid: Count,
  /** Nanoseconds since 1970, in decimal: they do not fit a double. */
  mtimeNs: Type.String({ pattern: '^-?[0-9]{1,20}$' }),
  linkTarget: Type.Optional(PathBytes),
  disk: Type.Optional(Type.Boolean()),
  /** Of a partition of a disk that is looked into: what lies in it. */
  filesystem: Type.Optional(text(32)),
  /** Of `point.stat`: a digest of where the content is stored; equal for equal content that was not stored twice. */
  content: Type.Optional(bytes(16, 16)),
});
export type Entry = Static<typeof EntryFields>;
