import type { FailureRecord } from '@sealift/core';
import {
  isUpkeepKind,
  type Progress,
  type RestoreSpec,
  type RunState,
  type UpkeepReport,
  type UpkeepStart,
} from '@sealift/wire';

interface Named {
  id: string;
  name: string;
}

/** What a restore run restores and to where. */
export interface Restore {
  pointId: string;
  path: string;
  only: string[];
  overwrite: RestoreSpec['overwrite'];
  /** The repository with the copy that is restored from; that of the point unless told. */
  from?: string;
  /** Nothing is restored: the disks in `only` are served at the socket `path` until the run is cancelled. */
  serve?: true;
}

/** Kind and details of a task on a repository. */
export type Upkeep = {
  [K in UpkeepStart['kind']]: Pick<UpkeepStart & { kind: K }, 'kind' | 'spec'>;
}[UpkeepStart['kind']];

interface AnyRun {
  id: string;
  /** Where the task runs: the source of a backup, the destination of a restore, the target of a repository. */
  transporter: Named;
  state: RunState;
  reason?: string;
  attempt: number;
  cancelWanted: boolean;
  createdAt: number;
  startedAt?: number;
  finishedAt?: number;
  progress?: Progress;
  failure?: FailureRecord;
  warnings: number;
}

/** A backup or a restore. */
export interface JobRun extends AnyRun {
  kind: 'backup' | 'restore';
  job: Named;
  restore?: Restore;
  /** The recovery point it made. */
  pointId?: string;
}

/** A task that a target does on a repository. */
export interface UpkeepRun extends AnyRun {
  kind: UpkeepStart['kind'];
  repository: Named;
  upkeep: Upkeep;
  report?: UpkeepReport;
  /** Of a copy: for whom. */
  copyFor?: CopyFor;
  /** The copy that goes on where this one has ended. */
  continuedBy?: string;
}

/** What a copy was queued for: a standing copy, the points of one job, or neither. */
export interface CopyFor {
  rule?: { id: string; name?: string };
  jobId?: string;
}

export type Run = JobRun | UpkeepRun;

export function isUpkeepRun(run: Run): run is UpkeepRun {
  return isUpkeepKind(run.kind);
}

/** What it is about, as logs and events name it. */
export function subjectOf(run: Run): { job: Named } | { repository: Named } {
  return isUpkeepRun(run) ? { repository: run.repository } : { job: run.job };
}

/** The same for log lines: names alone. */
export function namesOf(run: Run): { run: string; job: string } | { run: string; repository: string } {
  return isUpkeepRun(run) ? { run: run.id, repository: run.repository.name } : { run: run.id, job: run.job.name };
}

export interface RunRow {
  id: string;
  job_id: string | null;
  job_name: string | null;
  repository_id: string | null;
  repository_name: string | null;
  transporter_id: string;
  transporter_name: string;
  kind: Run['kind'];
  state: RunState;
  reason: string | null;
  attempt: number;
  cancel_wanted: number;
  restore_json: string | null;
  upkeep_json: string | null;
  copy_rule_id: string | null;
  copy_rule_name: string | null;
  copy_job_id: string | null;
  continued_by: string | null;
  created_at: number;
  started_at: number | null;
  finished_at: number | null;
  progress_json: string | null;
  failure_json: string | null;
  report_json: string | null;
  warnings: number;
  point_id: string | null;
}

/** Ends before the condition. */
export const SELECT_RUNS = `SELECT runs.*, coalesce(jobs.former_name, jobs.name) AS job_name, repositories.name AS repository_name,
    transporters.name AS transporter_name, points.id AS point_id, copy_rules.name AS copy_rule_name,
    (SELECT next.id FROM runs AS next WHERE next.follows = runs.id) AS continued_by
  FROM runs
  LEFT JOIN jobs ON jobs.id = runs.job_id
  LEFT JOIN repositories ON repositories.id = runs.repository_id
  JOIN transporters ON transporters.id = runs.transporter_id
  LEFT JOIN points ON points.id = runs.id
  LEFT JOIN copy_rules ON copy_rules.id = runs.copy_rule_id`;

export function runOf(row: RunRow): Run {
  const { kind } = row;
  return isUpkeepKind(kind) ? upkeepRunOf(row, kind) : jobRunOf(row, kind);
}

function jobRunOf(row: RunRow, kind: JobRun['kind']): JobRun {
  return {
    ...commonOf(row),
    kind,
    job: { id: row.job_id ?? '', name: row.job_name ?? '' },
    ...(row.restore_json === null ? {} : { restore: JSON.parse(row.restore_json) }),
    ...(row.point_id === null ? {} : { pointId: row.point_id }),
  };
}

function upkeepRunOf(row: RunRow, kind: UpkeepRun['kind']): UpkeepRun {
  return {
    ...commonOf(row),
    kind,
    repository: { id: row.repository_id ?? '', name: row.repository_name ?? '' },
    upkeep: JSON.parse(row.upkeep_json ?? ''),
    ...(row.report_json === null ? {} : { report: JSON.parse(row.report_json) }),
    ...(kind === 'copy' ? { copyFor: copyForOf(row) } : {}),
    ...(row.continued_by === null ? {} : { continuedBy: row.continued_by }),
  };
}

function copyForOf({ copy_rule_id: id, copy_rule_name: name, copy_job_id: jobId }: RunRow): CopyFor {
  return {
    ...(id === null ? {} : { rule: name === null ? { id } : { id, name } }),
    ...(jobId === null ? {} : { jobId }),
  };
}

function commonOf(row: RunRow): AnyRun {
  return {
    id: row.id,
    transporter: { id: row.transporter_id, name: row.transporter_name },
    state: row.state,
    attempt: row.attempt,
    cancelWanted: row.cancel_wanted === 1,
    createdAt: row.created_at,
    warnings: row.warnings,
    ...(row.reason === null ? {} : { reason: row.reason }),
    ...(row.started_at === null ? {} : { startedAt: row.started_at }),
    ...(row.finished_at === null ? {} : { finishedAt: row.finished_at }),
    ...(row.progress_json === null ? {} : { progress: JSON.parse(row.progress_json) }),
    ...(row.failure_json === null ? {} : { failure: JSON.parse(row.failure_json) }),
  };
}
