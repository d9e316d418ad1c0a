import type { Database } from './database.ts';

export interface ScheduledJob {
  id: string;
  name: string;
  /** Five cron fields. */
  schedule: string;
  /** The instant up to which everything due was queued, ms since 1970. */
  dueSince: number;
  /** When a run last made a point, or else since when there is this schedule, ms since 1970. */
  goodSince: number;
}

interface Row {
  id: string;
  name: string;
  schedule: string;
  due_since: number;
  scheduled_at: number;
  succeeded_at: number;
}

/** Jobs that have a schedule and are not paused. */
export async function scheduledJobs(db: Database): Promise<ScheduledJob[]> {
  const rows = await db.all<Row>(
    `SELECT id, name, schedule, due_since, scheduled_at,
       coalesce((SELECT max(finished_at) FROM runs WHERE runs.job_id = jobs.id
         AND kind = 'backup' AND state IN ('done', 'warnings')), 0) AS succeeded_at
     FROM jobs WHERE schedule IS NOT NULL AND paused_at IS NULL AND removed_at IS NULL ORDER BY name`,
  );
  return rows.map(({ id, name, schedule, due_since, scheduled_at, succeeded_at }) => {
    return { id, name, schedule, dueSince: due_since, goodSince: Math.max(succeeded_at, scheduled_at) };
  });
}

/** From now on by this schedule; null: by none. */
export async function setSchedule(db: Database, jobId: string, schedule: string | null, now: number): Promise<void> {
  const sql = 'UPDATE jobs SET schedule = ?, due_since = ?, scheduled_at = ? WHERE id = ?';
  await db.run(sql, schedule, now, now, jobId);
}

export async function recordDue(db: Database, jobId: string, now: number): Promise<void> {
  await db.run('UPDATE jobs SET due_since = ? WHERE id = ?', now, jobId);
}

/** Pausing again changes nothing. What was due while it was paused is not made up for. */
export async function pauseJob(db: Database, jobId: string, now: number): Promise<void> {
  await db.run('UPDATE jobs SET paused_at = ? WHERE id = ? AND paused_at IS NULL', now, jobId);
}

export async function resumeJob(db: Database, jobId: string, now: number): Promise<void> {
  const sql = `UPDATE jobs SET paused_at = NULL, due_since = ?, scheduled_at = ? WHERE id = ? AND paused_at IS NOT NULL`;
  await db.run(sql, now, now, jobId);
}
