import { type Static, Type } from 'typebox';
import { ReadingRules, readingFields } from '../control/reading.ts';
import {
  CollectReport,
  CopyReport,
  RepairReport,
  RotationReport,
  UPKEEP_PHASES,
  type UpkeepKind,
  VerifyReport,
} from '../control/upkeep.ts';
import {
  Bandwidth,
  BandwidthChange,
  Counter,
  closed,
  EncryptionMode,
  FailureResource,
  Id,
  Name,
  Named,
  OverwriteRule,
  ProgressResource,
  Reference,
  Time,
} from './fields.ts';
import { FreezeResource, ImmutableDays, KeepRule } from './retention.ts';

const Compression = Type.String({
  pattern: '^(auto|none|lz4|zstd(:-?[0-9]{1,2})?)$',
  description: 'auto, zstd, zstd:LEVEL, lz4 or none',
});
const SourcePath = Type.String({ minLength: 1, maxLength: 4096, pattern: '^/' });
const Glob = Type.String({ minLength: 1, maxLength: 1024 });

export const Schedule = Type.String({
  minLength: 1,
  maxLength: 256,
  description: 'cron expression of five fields, or @daily and the like, in the time zone of the Director',
});

const Keeping = {
  keep: Type.Optional(KeepRule),
  immutableDays: Type.Optional(ImmutableDays),
  confirm: Type.Optional(
    Type.Boolean({ description: 'a rule is meant even if it leaves hardly more than the newest recovery point' }),
  ),
};

export const JobRequest = closed({
  name: Name,
  source: closed({
    transporter: Reference,
    paths: Type.Array(SourcePath, { minItems: 1, maxItems: 100, description: 'absolute paths on the source' }),
  }),
  repository: Reference,
  encryption: EncryptionMode,
  password: Type.Optional(Reference),
  compression: Type.Optional(Compression),
  exclude: Type.Optional(Type.Array(Glob, { maxItems: 200 })),
  quotaBytes: Type.Optional(Type.Integer({ minimum: 1, description: 'most that one run may store at the target' })),
  bandwidth: Type.Optional(Bandwidth),
  schedule: Type.Optional(Schedule),
  reading: Type.Optional(ReadingRules),
  ...Keeping,
});

/** What is left out stays as it is. */
export const JobChange = closed({
  keep: Type.Optional(Type.Union([KeepRule, Type.Null()], { description: 'null: everything is kept' })),
  immutableDays: Keeping.immutableDays,
  schedule: Type.Optional(Type.Union([Schedule, Type.Null()], { description: 'null: only when it is asked for' })),
  bandwidth: Type.Optional(BandwidthChange),
  confirm: Keeping.confirm,
  reading: Type.Optional(ReadingRules),
});

export const JobResource = Type.Object({
  id: Id,
  name: Type.String(),
  source: Type.Object({ transporter: Named, paths: Type.Array(Type.String()) }),
  repository: Named,
  encryption: EncryptionMode,
  password: Type.Optional(Named),
  compression: Type.String(),
  exclude: Type.Array(Type.String()),
  reading: Type.Optional(Type.Object(readingFields)),
  quotaBytes: Type.Optional(Type.Integer({ minimum: 1 })),
  bandwidth: Type.Optional(Type.String({ description: 'how much the links of its runs may carry' })),
  /** Absent: everything is kept. */
  keep: Type.Optional(KeepRule),
  immutableDays: Type.Optional(Type.Integer()),
  schedule: Type.Optional(Type.String()),
  /** Nothing is begun by its schedule while it is there. */
  pausedAt: Type.Optional(Time),
  nextRunAt: Type.Optional(Time),
  /** Nothing is removed automatically while it is there. */
  frozen: Type.Optional(FreezeResource),
  adopted: Type.Optional(Type.Boolean({ description: 'stands for a job of another Director; cannot be run' })),
  removedAt: Type.Optional(Type.String({ format: 'date-time', description: 'stands for its recovery points only' })),
  createdAt: Time,
});
export type JobResource = Static<typeof JobResource>;

export const RunState = Type.Union([
  Type.Literal('queued'),
  Type.Literal('running'),
  Type.Literal('done'),
  Type.Literal('warnings'),
  Type.Literal('failed'),
  Type.Literal('cancelled'),
]);
export type RunState = Static<typeof RunState>;

export const RestoreTarget = Type.Object({
  point: Id,
  path: Type.String(),
  only: Type.Array(Type.String()),
  overwrite: OverwriteRule,
  /** The repository with the copy that is restored from. */
  from: Type.Optional(Id),
  serve: Type.Optional(
    Type.Literal(true, { description: 'the disks in `only` are served at the socket `path`; nothing is written' }),
  ),
});

/** What a task on a repository has found or done. */
export const ReportResource = Type.Union([
  Type.Object(VerifyReport.properties),
  Type.Object(RepairReport.properties),
  Type.Object(CollectReport.properties),
  Type.Object(RotationReport.properties),
  Type.Object(CopyReport.properties),
]);

export const RunKind = Type.Union([
  Type.Literal('backup'),
  Type.Literal('restore'),
  Type.Literal('verify'),
  Type.Literal('repair'),
  Type.Literal('collect'),
  Type.Literal('rotate-master-key'),
  Type.Literal('copy'),
]);
export type RunKind = Static<typeof RunKind>;

export function isUpkeepKind(kind: RunKind): kind is UpkeepKind {
  return Object.hasOwn(UPKEEP_PHASES, kind);
}

export const RunResource = Type.Object({
  id: Id,
  job: Type.Optional(Named),
  /** Of a task on a repository, which has no job. */
  repository: Type.Optional(Named),
  kind: RunKind,
  state: RunState,
  reason: Type.Optional(Type.String({ description: 'why it waits, or what is going on besides' })),
  attempt: Counter,
  transporter: Named,
  createdAt: Time,
  startedAt: Type.Optional(Time),
  finishedAt: Type.Optional(Time),
  progress: Type.Optional(ProgressResource),
  failure: Type.Optional(FailureResource),
  warnings: Counter,
  point: Type.Optional(Id),
  restore: Type.Optional(RestoreTarget),
  report: Type.Optional(ReportResource),
  standingCopy: Type.Optional(Type.Object(Named.properties, { description: 'that queued this copy' })),
  continuedBy: Type.Optional(
    Type.String({ description: 'the run that copies the points for which this one had no room' }),
  ),
});
export type RunResource = Static<typeof RunResource>;

export const WarningResource = Type.Object({
  path: Type.String(),
  pathBytes: Type.Optional(Type.String({ description: 'base64url; there when the name is not UTF-8' })),
  code: Type.String(),
  message: Type.String(),
});
export type WarningResource = Static<typeof WarningResource>;

export const RestoreRequest = closed({
  transporter: Reference,
  path: Type.String({ minLength: 1, maxLength: 4096, pattern: '^/', description: 'absolute folder to restore into' }),
  only: Type.Optional(Type.Array(Glob, { maxItems: 200 })),
  overwrite: Type.Optional(OverwriteRule),
  from: Type.Optional(Reference),
});

export const ServeRequest = closed({
  transporter: Reference,
  path: Type.String({ minLength: 1, maxLength: 100, pattern: '^/', description: 'absolute path of the unix socket' }),
  disks: Type.Optional(
    Type.Array(Type.String({ minLength: 1, maxLength: 1024 }), {
      maxItems: 32,
      description: 'paths in the recovery point; all disks that are roots of it without',
    }),
  ),
  from: Type.Optional(Reference),
});
