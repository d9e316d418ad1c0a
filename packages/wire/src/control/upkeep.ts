import { type Static, Type } from 'typebox';
import { Count, Instant, record, text, Uuid } from './fields.ts';

/** Most damaged things and affected recovery points that a report names; the rest are numbers in it. */
export const MAX_REPORTED = 200;

/** Which packs a verification reads. Neither limit: all of them. */
export const VerifySpec = record({
  /** Packs that were read without a flaw at this time or later need not be read again: a run that goes on. */
  since: Type.Optional(Instant),
  percent: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: 100,
      description: 'so much of what is stored, what was read longest ago first',
    }),
  ),
  withinDays: Type.Optional(
    Type.Integer({ minimum: 1, maximum: 3650, description: 'as much as daily runs need to read all in so many days' }),
  ),
  bytesPerSecond: Type.Optional(Type.Integer({ minimum: 1024 * 1024, description: 'most that is read in a second' })),
});
export type VerifySpec = Static<typeof VerifySpec>;

/** Something damaged: a file of the repository, and what is wrong with it. */
const DamageFields = record({ file: text(256), code: text(64), message: text(512) });

/** A recovery point that refers to chunks which are damaged or missing. */
const AffectedPoint = record({ point: Uuid, job: Uuid, chunks: Count });

/** What a verification has found. */
export const VerifyReport = record({
  kind: Type.Literal('verify'),
  packs: Count,
  packsRead: Count,
  chunksRead: Count,
  bytesRead: Count,
  points: Count,
  /** Chunks whose id was made again from their contents. */
  idsProven: Count,
  /** Chunks sealed at a source: whether their contents are right only a holder of the password can tell. */
  idsSealed: Count,
  /** Everything was read at this time or later; absent while some pack was never read. */
  verifiedSince: Type.Optional(Instant),
  damagedFiles: Count,
  damagedChunks: Count,
  /** Chunks that recovery points refer to and of which there is no record. */
  missingChunks: Count,
  damage: Type.Array(DamageFields, { maxItems: MAX_REPORTED }),
  affectedPoints: Count,
  affected: Type.Array(AffectedPoint, { maxItems: MAX_REPORTED }),
  /** What to do now, in words. */
  next: text(1024),
});
export type VerifyReport = Static<typeof VerifyReport>;

export const RepairSpec = record({ dryRun: Type.Boolean() });
export type RepairSpec = Static<typeof RepairSpec>;

/** What a repair has done, or of a dry run, would do. */
export const RepairReport = record({
  kind: Type.Literal('repair'),
  dryRun: Type.Boolean(),
  packsFlawed: Count,
  /** Packs that no verification has read yet. */
  packsUnread: Count,
  /** Taken over from damaged packs. */
  chunksSaved: Count,
  /** Not whole anywhere: known no more, so that the next backup which has them sends them again. */
  chunksLost: Count,
  filesMended: Count,
  /** Files that stay damaged. */
  filesLeft: Count,
  steps: Type.Array(record({ file: text(256), message: text(512) }), { maxItems: MAX_REPORTED }),
  affectedPoints: Count,
  affected: Type.Array(AffectedPoint, { maxItems: MAX_REPORTED }),
  next: text(1024),
});
export type RepairReport = Static<typeof RepairReport>;

/** A collection: what no recovery point needs is given back to the disk. */
export const CollectSpec = record({
  dryRun: Type.Boolean(),
  bytesPerSecond: Type.Optional(
    Type.Integer({ minimum: 1024 * 1024, description: 'most that is read and written in a second' }),
  ),
  graceHours: Type.Optional(
    Type.Integer({
      minimum: 0,
      maximum: 8760,
      description: 'how long what a backup stored or relied on stays after the backup was cut off; 24 unless told',
    }),
  ),
});
export type CollectSpec = Static<typeof CollectSpec>;

/** What a collection has done, or of a dry run, would do. */
export const CollectReport = record({
  kind: Type.Literal('collect'),
  dryRun: Type.Boolean(),
  points: Count,
  packsBefore: Count,
  packsAfter: Count,
  /** Deleted whole. */
  packsDead: Count,
  /** Rewritten, because little in them was needed. */
  packsRepacked: Count,
  bytesBefore: Count,
  bytesAfter: Count,
  bytesFreed: Count,
  bytesRepacked: Count,
  /** Needed by nobody, and left: used too lately, or in packs of which most is needed. */
  bytesWaiting: Count,
  chunksMissing: Count,
  durationMs: Count,
  next: text(1024),
});
export type CollectReport = Static<typeof CollectReport>;

/** A new master key of a repository that is encrypted at rest, and everything sealed anew under it. */
export const RotationSpec = record({
  /** Number of the master key when the rotation was asked for: a later attempt goes on once there is a higher one. */
  beyond: Type.Optional(Count),
  bytesPerSecond: Type.Optional(
    Type.Integer({ minimum: 1024 * 1024, description: 'most that is read and written in a second' }),
  ),
});
export type RotationSpec = Static<typeof RotationSpec>;

/** What a rotation has done. */
export const RotationReport = record({
  kind: Type.Literal('rotate-master-key'),
  /** Number of the master key now in use. */
  masterKey: Count,
  /** Master keys that are needed still, for sessions that were running. */
  earlier: Type.Array(Count, { maxItems: 1024 }),
  packsSealed: Count,
  bytesSealed: Count,
  next: text(1024),
});
export type RotationReport = Static<typeof RotationReport>;

/** Most points that one task copies. */
export const MAX_COPIED = 1024;

/** Recovery points that another repository is to hold, too; source-side ones. */
export const CopySpec = record({
  /** Where they are copied to. */
  repositoryId: Uuid,
  /** Oldest first. */
  points: Type.Array(Uuid, { maxItems: MAX_COPIED }),
});
export type CopySpec = Static<typeof CopySpec>;

/** What a copy has done. */
export const CopyReport = record({
  kind: Type.Literal('copy'),
  repositoryId: Uuid,
  /** Those that the other repository holds now, and since when by its clock. */
  copied: Type.Array(record({ point: Uuid, receivedAt: Instant }), { maxItems: MAX_COPIED }),
  /** Of these, were there before. */
  alreadyThere: Count,
  /** Could not be copied: damaged, or removed meanwhile. */
  left: Count,
  /** That the other repository lacked. */
  chunks: Count,
  bytes: Count,
  next: text(1024),
});
export type CopyReport = Static<typeof CopyReport>;

const start = {
  taskId: Uuid,
  runId: Uuid,
  repositoryId: Uuid,
  repositoryName: text(64),
  attempt: Type.Integer({ minimum: 1, maximum: 1000 }),
};

/** Tasks that a target does on a repository it serves, one kind each. */
export const UpkeepStart = Type.Union([
  record({ ...start, kind: Type.Literal('verify'), spec: VerifySpec }),
  record({ ...start, kind: Type.Literal('repair'), spec: RepairSpec }),
  record({ ...start, kind: Type.Literal('collect'), spec: CollectSpec }),
  record({ ...start, kind: Type.Literal('rotate-master-key'), spec: RotationSpec }),
  record({ ...start, kind: Type.Literal('copy'), spec: CopySpec }),
]);
export type UpkeepStart = Static<typeof UpkeepStart>;
export type UpkeepKind = UpkeepStart['kind'];

/** What such a task has found or done, kept with its run. */
export const UpkeepReport = Type.Union([VerifyReport, RepairReport, CollectReport, RotationReport, CopyReport]);
export type UpkeepReport = Static<typeof UpkeepReport>;

/** How far a task on a repository is. */
export const UpkeepCounts = record({ packs: Count, chunks: Count, points: Count, damaged: Count, bytesFreed: Count });
export type UpkeepCounts = Static<typeof UpkeepCounts>;

/** Every kind of task on a repository, and the word for what it does while it runs. */
export const UPKEEP_PHASES = {
  verify: 'verifying',
  repair: 'repairing',
  collect: 'collecting',
  'rotate-master-key': 'sealing',
  copy: 'copying',
} as const satisfies Record<UpkeepKind, string>;
