import type { FailureRecord } from '@sealift/core';
import type { Progress, RunState, UpkeepReport } from '@sealift/wire';
import { fail } from '../failures.ts';
import type { Database, Statement, Value } from './database.ts';
import { beforeTime, limitOf, type Page, type PageRequest, pageOf } from './paging.ts';
import { type Restore, type Run, type RunRow, runOf, SELECT_RUNS } from './run.ts';

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
  report?: UpkeepReport | undefined;
}

export async function runById(db: Database, id: string): Promise<Run | undefined> {
  const row = await db.get<RunRow>(`${SELECT_RUNS} WHERE runs.id = ?`, id);
  return row === undefined ? undefined : runOf(row);
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
  filter: { jobId?: string | undefined; repositoryId?: string | undefined; state?: RunState | undefined },
): Promise<Page<Run>> {
  const limit = limitOf(request);
  const conditions = ['(runs.created_at, runs.id) < (?, ?)'];
  const values: Value[] = beforeTime(request);
  const wantedColumns = { job_id: filter.jobId, repository_id: filter.repositoryId, state: filter.state };
  for (const [column, wanted] of Object.entries(wantedColumns)) {
    if (wanted === undefined) continue;
    conditions.push(`runs.${column} = ?`);
    values.push(wanted);
  }
  const rows = await db.all<RunRow>(
    `${SELECT_RUNS} WHERE ${conditions.join(' AND ')} ORDER BY runs.created_at DESC, runs.id DESC LIMIT ?`,
    ...values,
    limit + 1,
  );
  return pageOf(rows, limit, runOf, (row) => [row.created_at, row.id]);
}

/** Runs that wait for their turn, oldest first. */
export async function queuedRuns(db: Database): Promise<Run[]> {
  const rows = await db.all<RunRow>(`${SELECT_RUNS} WHERE runs.state = 'queued' ORDER BY runs.created_at, runs.id`);
  return rows.map(runOf);
}

export async function runningRunsOf(db: Database, transporterId: string): Promise<Run[]> {
  const rows = await db.all<RunRow>(
    `${SELECT_RUNS} WHERE runs.state = 'running' AND runs.transporter_id = ?`,
    transporterId,
  );
  return rows.map(runOf);
}

/** Which of these ids are those of backups that have not reported a point: under way, or ended in another way. */
export async function unendedOrFailed(db: Database, ids: string[]): Promise<Set<string>> {
  if (ids.length === 0) return new Set();
  const rows = await db.all<{ id: string }>(
    `SELECT id FROM runs WHERE kind = 'backup' AND state NOT IN ('done', 'warnings')
     AND id IN (${ids.map(() => '?').join(', ')})`,
    ...ids,
  );
  return new Set(rows.map(({ id }) => id));
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
     FROM jobs WHERE removed_at IS NULL`,
  );
}

/** False when another backup of the job waits already. */
export async function addRun(db: Database, run: NewRun): Promise<boolean> {
  const kind = run.restore === undefined ? 'backup' : 'restore';
  const added = await db.run(
    `INSERT INTO runs (id, job_id, transporter_id, kind, state, attempt, cancel_wanted, restore_json, created_at, warnings)
     SELECT ?, ?, ?, ?, 'queued', 0, 0, ?, ?, 0
     WHERE ? = 'restore' OR NOT EXISTS
       (SELECT 1 FROM runs WHERE job_id = ? AND kind = 'backup' AND state = 'queued')
       AND EXISTS (SELECT 1 FROM jobs WHERE id = ? AND removed_at IS NULL)`,
    run.id,
    run.jobId,
    run.transporterId,
    kind,
    run.restore === undefined ? null : JSON.stringify(run.restore),
    run.createdAt,
    kind,
    run.jobId,
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
    sql: `UPDATE runs SET state = ?, reason = NULL, finished_at = ?, warnings = ?, progress_json = ?, failure_json = ?,
      report_json = ? WHERE id = ? AND state IN ('queued', 'running')`,
    values: [
      end.state,
      end.finishedAt,
      end.warnings,
      end.progress === undefined ? null : JSON.stringify(end.progress),
      end.failure === undefined ? null : JSON.stringify(end.failure),
      end.report === undefined ? null : JSON.stringify(end.report),
      id,
    ],
    mustChange: true,
  };
}
