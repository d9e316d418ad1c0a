import type { KeepRule, Progress, RunState } from '@sealift/wire';
import type { Database } from './database.ts';
import type { Freeze } from './jobs.ts';

/** What is left out stays; `keep: null` takes the rule away. */
export interface RetentionChange {
  keep?: KeepRule | null;
  immutableDays?: number;
}

export async function changeRetention(db: Database, jobId: string, change: RetentionChange): Promise<void> {
  if (change.keep !== undefined) {
    const keep = change.keep === null ? null : JSON.stringify(change.keep);
    await db.run('UPDATE jobs SET keep_json = ? WHERE id = ?', keep, jobId);
  }
  if (change.immutableDays !== undefined) {
    await db.run('UPDATE jobs SET immutable_days = ? WHERE id = ?', change.immutableDays, jobId);
  }
}

/** Writes down that a run was compared with the history of its job, and what came of it. */
export async function recordGuard(db: Database, jobId: string, runId: string, freeze: Freeze | undefined) {
  if (freeze === undefined) await db.run('UPDATE jobs SET guarded_run = ? WHERE id = ?', runId, jobId);
  else {
    const sql = 'UPDATE jobs SET guarded_run = ?, frozen_json = ? WHERE id = ?';
    await db.run(sql, runId, JSON.stringify(freeze), jobId);
  }
}

export async function unfreeze(db: Database, jobId: string): Promise<void> {
  await db.run('UPDATE jobs SET frozen_json = NULL WHERE id = ?', jobId);
}

export async function recordRetention(db: Database, jobId: string, at: number): Promise<void> {
  await db.run('UPDATE jobs SET retention_at = ? WHERE id = ?', at, jobId);
}

/** Jobs of which nobody has looked since `since` what their rule removes and what their target says. */
export async function jobsToRetain(db: Database, since: number): Promise<string[]> {
  const rows = await db.all<{ id: string }>(
    `SELECT id FROM jobs WHERE coalesce(retention_at, 0) < ? AND removed_at IS NULL ORDER BY retention_at`,
    since,
  );
  return rows.map(({ id }) => id);
}

/** How the backup ended that began last of those that have ended. */
export async function newestEndedBackup(
  db: Database,
  jobId: string,
): Promise<{ id: string; state: RunState } | undefined> {
  return await db.get(
    `SELECT id, state FROM runs WHERE job_id = ? AND kind = 'backup' AND finished_at IS NOT NULL
     ORDER BY created_at DESC, id DESC LIMIT 1`,
    jobId,
  );
}

/** The latest runs of a job that made a point, newest first, with what they cost. */
export async function runsWithPoints(
  db: Database,
  jobId: string,
  limit: number,
): Promise<{ id: string; bytes: number; progress: Progress }[]> {
  const rows = await db.all<{ id: string; bytes: number; progress_json: string }>(
    `SELECT runs.id, points.bytes, runs.progress_json FROM runs JOIN points ON points.id = runs.id
     WHERE runs.job_id = ? AND runs.state IN ('done', 'warnings') AND runs.progress_json IS NOT NULL
     ORDER BY runs.created_at DESC, runs.id DESC LIMIT ?`,
    jobId,
    limit,
  );
  return rows.map(({ id, bytes, progress_json }) => ({ id, bytes, progress: JSON.parse(progress_json) }));
}

/** Jobs whose rule removes nothing for now. */
export async function frozenJobs(db: Database): Promise<{ job: string; frozen: number }[]> {
  return await db.all(`SELECT name AS job, CASE WHEN frozen_json IS NULL THEN 0 ELSE 1 END AS frozen FROM jobs
     WHERE removed_at IS NULL`);
}
