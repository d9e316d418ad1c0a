import type { FailureRecord } from '@sealift/core';
import type { Progress, RestoreSpec, RunState } from '@sealift/wire';
import { fail } from '../failures.ts';
import type { Database, Statement, Value } from './database.ts';
import { beforeTime, limitOf, type Page, type PageRequest, pageOf } from './paging.ts';

/** What a restore run restores and to where. */
export interface Restore {
  pointId: string;
  path: string;
  only: string[];
  overwrite: RestoreSpec['overwrite'];
}

export interface Run {
  id: string;
  job: { id: string; name: string };
  /** Where the task runs: the source of a backup, the destination of a restore. */
  transporter: { id: string; name: string };
  kind: 'backup' | 'restore';
  state: RunState;
  reason?: string;
  attempt: number;
  cancelWanted: boolean;
  restore?: Restore;
  createdAt: number;
  startedAt?: number;
  finishedAt?: number;
  progress?: Progress;
  failure?: FailureRecord;
  warnings: number;
  /** The recovery point it made. */
  pointId?: string;
}

export interface NewRun {
  id: string;
  jobId: string;
  transporterId: string;
  restore?: Restore;
  createdAt: number;
}

/** How a run ended. */
export interface RunEnd {
  state: RunState;
  finishedAt: number;
  warnings: number;
  progress?: Progress | undefined;
  failure?: FailureRecord | undefined;
}

interface Row {
  id: string;
  job_id: string;
  job_name: string;
  transporter_id: string;
  transporter_name: string;
  kind: Run['kind'];
  state: RunState;
  reason: string | null;
  attempt: number;
  cancel_wanted: number;
  restore_json: string | null;
  created_at: number;
  started_at: number | null;
  finished_at: number | null;
  progress_json: string | null;
  failure_json: string | null;
  warnings: number;
  point_id: string | null;
}

const SELECT = `SELECT runs.*, jobs.name AS job_name, transporters.name AS transporter_name, points.id AS point_id
  FROM runs
  JOIN jobs ON jobs.id = runs.job_id
  JOIN transporters ON transporters.id = runs.transporter_id
  LEFT JOIN points ON points.id = runs.id`;

export async function runById(db: Database, id: string): Promise<Run | undefined> {
  const row = await db.get<Row>(`${SELECT} WHERE runs.id = ?`, id);
  return row === undefined ? undefined : fromRow(row);
}

/** `not-found` without it. */
export async function existingRun(db: Database, id: string): Promise<Run> {
  const run = await runById(db, id);
  if (run === undefined) throw fail('not-found', `There is no run ${id}.`);
  return run;
}

export async function listRuns(
  db: Database,
  request: PageRequest,
  filter: { jobId?: string | undefined; state?: RunState | undefined },
): Promise<Page<Run>> {
  const limit = limitOf(request);
  const conditions = ['(runs.created_at, runs.id) < (?, ?)'];
  const values: Value[] = beforeTime(request);
  for (const [column, wanted] of [['job_id', filter.jobId] as const, ['state', filter.state] as const]) {
    if (wanted === undefined) continue;
    conditions.push(`runs.${column} = ?`);
    values.push(wanted);
  }
  const rows = await db.all<Row>(
    `${SELECT} WHERE ${conditions.join(' AND ')} ORDER BY runs.created_at DESC, runs.id DESC LIMIT ?`,
    ...values,
    limit + 1,
  );
  return pageOf(rows, limit, fromRow, (row) => [row.created_at, row.id]);
}

/** Runs that wait for their turn, oldest first. */
export async function queuedRuns(db: Database): Promise<Run[]> {
  const rows = await db.all<Row>(`${SELECT} WHERE runs.state = 'queued' ORDER BY runs.created_at, runs.id`);
  return rows.map(fromRow);
}

export async function runningRunsOf(db: Database, transporterId: string): Promise<Run[]> {
  const rows = await db.all<Row>(`${SELECT} WHERE runs.state = 'running' AND runs.transporter_id = ?`, transporterId);
  return rows.map(fromRow);
}

/** How the newest run of each job ended, and when one last made a recovery point. */
export async function jobOutcomes(
  db: Database,
): Promise<{ job: string; state: RunState | null; succeeded_at: number | null }[]> {
  return db.all(
    `SELECT jobs.name AS job,
       (SELECT state FROM runs WHERE runs.job_id = jobs.id AND kind = 'backup' AND finished_at IS NOT NULL
        ORDER BY finished_at DESC LIMIT 1) AS state,
       (SELECT max(finished_at) FROM runs WHERE runs.job_id = jobs.id AND kind = 'backup'
        AND state IN ('done', 'warnings')) AS succeeded_at
     FROM jobs`,
  );
}

/** False when another backup of the job waits already. */
export async function addRun(db: Database, run: NewRun): Promise<boolean> {
  const kind = run.restore === undefined ? 'backup' : 'restore';
  const added = await db.run(
    `INSERT INTO runs (id, job_id, transporter_id, kind, state, attempt, cancel_wanted, restore_json, created_at, warnings)
     SELECT ?, ?, ?, ?, 'queued', 0, 0, ?, ?, 0
     WHERE ? = 'restore' OR NOT EXISTS
       (SELECT 1 FROM runs WHERE job_id = ? AND kind = 'backup' AND state = 'queued')`,
    run.id,
    run.jobId,
    run.transporterId,
    kind,
    run.restore === undefined ? null : JSON.stringify(run.restore),
    run.createdAt,
    kind,
    run.jobId,
  );
  return added > 0;
}

/** True when the reason is another one than before. */
export async function explainWait(db: Database, id: string, reason: string): Promise<boolean> {
  const sql = `UPDATE runs SET reason = ? WHERE id = ? AND state = 'queued' AND reason IS DISTINCT FROM ?`;
  return (await db.run(sql, reason, id, reason)) > 0;
}

/** From `queued` to `running`; false when it is not queued any more or another backup of its job runs. */
export async function beginRun(db: Database, id: string, now: number): Promise<boolean> {
  const changed = await db.run(
    `UPDATE runs SET state = 'running', reason = NULL, attempt = attempt + 1, started_at = coalesce(started_at, ?)
     WHERE id = ? AND state = 'queued' AND (kind = 'restore' OR NOT EXISTS
       (SELECT 1 FROM runs AS other WHERE other.job_id = runs.job_id AND other.kind = 'backup'
        AND other.state = 'running'))`,
    now,
    id,
  );
  return changed > 0;
}

/** Counts one more attempt of a running run whose task was lost. */
export async function beginAgain(db: Database, id: string): Promise<boolean> {
  const sql = `UPDATE runs SET attempt = attempt + 1, warnings = 0 WHERE id = ? AND state = 'running'`;
  return (await db.run(sql, id)) > 0;
}

/** Back from `running` to `queued`: the Transporter could not take the task now. That attempt does not count. */
export async function postponeRun(db: Database, id: string, reason: string): Promise<boolean> {
  const changed = await db.run(
    `UPDATE runs SET state = 'queued', reason = ?, attempt = attempt - 1 WHERE id = ? AND state = 'running'`,
    reason,
    id,
  );
  return changed > 0;
}

export async function wantCancel(db: Database, id: string): Promise<void> {
  await db.run('UPDATE runs SET cancel_wanted = 1 WHERE id = ?', id);
}

/** Changes nothing for a run that has ended already. */
export function endRun(id: string, end: RunEnd): Statement {
  return {
    sql: `UPDATE runs SET state = ?, reason = NULL, finished_at = ?, warnings = ?, progress_json = ?, failure_json = ?
      WHERE id = ? AND state IN ('queued', 'running')`,
    values: [
      end.state,
      end.finishedAt,
      end.warnings,
      end.progress === undefined ? null : JSON.stringify(end.progress),
      end.failure === undefined ? null : JSON.stringify(end.failure),
      id,
    ],
    mustChange: true,
  };
}

function fromRow(row: Row): Run {
  return {
    id: row.id,
    job: { id: row.job_id, name: row.job_name },
    transporter: { id: row.transporter_id, name: row.transporter_name },
    kind: row.kind,
    state: row.state,
    attempt: row.attempt,
    cancelWanted: row.cancel_wanted === 1,
    createdAt: row.created_at,
    warnings: row.warnings,
    ...(row.reason === null ? {} : { reason: row.reason }),
    ...(row.restore_json === null ? {} : { restore: JSON.parse(row.restore_json) }),
    ...(row.started_at === null ? {} : { startedAt: row.started_at }),
    ...(row.finished_at === null ? {} : { finishedAt: row.finished_at }),
    ...(row.progress_json === null ? {} : { progress: JSON.parse(row.progress_json) }),
    ...(row.failure_json === null ? {} : { failure: JSON.parse(row.failure_json) }),
    ...(row.point_id === null ? {} : { pointId: row.point_id }),
  };
}
