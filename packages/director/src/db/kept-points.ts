import type { StoredPoint } from '@sealift/wire';
import type { Database, Statement } from './database.ts';
import type { Point } from './points.ts';

/** Last time that can be written as a date, ms since 1970. */
const LAST_TIME = 8.64e15;

/** Writes down what the target tells of a point; undefined when that is known already. */
export function recordStored(known: Point, told: StoredPoint): Statement | undefined {
  const receivedAt = Math.min(told.receivedAt, LAST_TIME);
  const lockedUntil = told.lockedUntil === undefined ? undefined : Math.min(told.lockedUntil, LAST_TIME);
  const hold = told.hold && { reason: told.hold.reason, since: Math.min(told.hold.since, LAST_TIME) };
  const same =
    known.receivedAt === receivedAt &&
    known.lockedUntil === lockedUntil &&
    known.missingSince === undefined &&
    JSON.stringify(known.hold) === JSON.stringify(hold);
  if (same) return undefined;
  return {
    sql: `UPDATE points SET received_at = ?, locked_until = ?, hold_json = ?, missing_since = NULL WHERE id = ?`,
    values: [receivedAt, lockedUntil ?? null, hold === undefined ? null : JSON.stringify(hold), told.id],
  };
}

/** True when it was not known to be missing before. */
export async function recordMissing(db: Database, pointId: string, now: number): Promise<boolean> {
  const sql = 'UPDATE points SET missing_since = ? WHERE id = ? AND missing_since IS NULL AND removed_at IS NULL';
  return (await db.run(sql, now, pointId)) > 0;
}

/** The point is history from now on. */
export function recordRemoval(pointId: string, removed: NonNullable<Point['removed']>): Statement {
  const { at, by, reason } = removed;
  return {
    sql: 'UPDATE points SET removed_at = ?, removed_json = ? WHERE id = ? AND removed_at IS NULL',
    values: [at, JSON.stringify({ by, reason }), pointId],
  };
}

/** Points of a job that a restore reads now, or is to read. */
export async function pointsBeingRestored(db: Database, jobId: string): Promise<Set<string>> {
  const rows = await db.all<{ restore_json: string }>(
    `SELECT restore_json FROM runs WHERE job_id = ? AND kind = 'restore' AND state IN ('queued', 'running')`,
    jobId,
  );
  return new Set(rows.map(({ restore_json }) => JSON.parse(restore_json).pointId as string));
}

/** Which points of a job come from a run that could read everything. */
export async function completePoints(db: Database, jobId: string): Promise<Set<string>> {
  const rows = await db.all<{ id: string }>(
    `SELECT points.id FROM points JOIN runs ON runs.id = points.id WHERE points.job_id = ? AND runs.state = 'done'`,
    jobId,
  );
  return new Set(rows.map(({ id }) => id));
}

/** Writes down that a point is to be removed, before its target is asked. */
export async function recordIntent(db: Database, pointId: string, order: { by: string; reason: string }) {
  const json = JSON.stringify({ by: order.by, reason: order.reason });
  await db.run('UPDATE points SET removed_json = ? WHERE id = ? AND removed_at IS NULL', json, pointId);
}

export async function intentOf(db: Database, pointId: string): Promise<{ by: string; reason: string } | undefined> {
  const row = await db.get<{ removed_json: string }>(
    'SELECT removed_json FROM points WHERE id = ? AND removed_at IS NULL AND removed_json IS NOT NULL',
    pointId,
  );
  return row === undefined ? undefined : JSON.parse(row.removed_json);
}

export async function cancelIntent(db: Database, pointId: string): Promise<void> {
  await db.run('UPDATE points SET removed_json = NULL WHERE id = ? AND removed_at IS NULL', pointId);
}

/** Points that their target lists were not removed, whatever was wanted. */
export async function forgetIntent(db: Database, listed: string[]): Promise<void> {
  const wanted = await db.all<{ id: string }>(
    'SELECT id FROM points WHERE removed_at IS NULL AND removed_json IS NOT NULL',
  );
  const there = new Set(listed);
  for (const { id } of wanted) if (there.has(id)) await cancelIntent(db, id);
}
