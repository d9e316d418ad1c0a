import type { StoredPoint } from '@sealift/wire';
import type { Database, Statement, Value } from './database.ts';
import type { Point } from './points.ts';

/** Last time that can be written as a date, ms since 1970. */
const LAST_TIME = 8.64e15;

/** Which point is meant, and whether it is the original or the copy in its repository. */
export type Standing = Pick<Point, 'id' | 'repository' | 'copy'>;

/** The row in which is written down how an original or a copy stands at its target. */
function rowOf({ id, repository, copy }: Standing): { table: string; where: string; key: Value[] } {
  return copy === true
    ? { table: 'point_copies', where: 'point_id = ? AND repository_id = ?', key: [id, repository.id] }
    : { table: 'points', where: 'id = ?', key: [id] };
}

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
  const { table, where, key } = rowOf(known);
  return {
    sql: `UPDATE ${table} SET received_at = ?, locked_until = ?, hold_json = ?, missing_since = NULL WHERE ${where}`,
    values: [receivedAt, lockedUntil ?? null, hold === undefined ? null : JSON.stringify(hold), ...key],
  };
}

/** True when it was not known to be missing before. */
export async function recordMissing(db: Database, point: Standing, now: number): Promise<boolean> {
  const { table, where, key } = rowOf(point);
  const sql = `UPDATE ${table} SET missing_since = ? WHERE ${where} AND missing_since IS NULL AND removed_at IS NULL`;
  return (await db.run(sql, now, ...key)) > 0;
}

/** The point is history from now on. */
export function recordRemoval(point: Standing, removed: NonNullable<Point['removed']>): Statement {
  const { at, by, reason } = removed;
  const { table, where, key } = rowOf(point);
  return {
    sql: `UPDATE ${table} SET removed_at = ?, removed_json = ? WHERE ${where} AND removed_at IS NULL`,
    values: [at, JSON.stringify({ by, reason }), ...key],
  };
}

/** Points of a job that a restore reads now, or is to read; with `from` in the repository of a copy. */
export async function pointsBeingRestored(db: Database, jobId: string, from?: string): Promise<Set<string>> {
  const rows = await db.all<{ restore_json: string }>(
    `SELECT restore_json FROM runs WHERE job_id = ? AND kind = 'restore' AND state IN ('queued', 'running')`,
    jobId,
  );
  const restores = rows.map(({ restore_json }) => JSON.parse(restore_json) as { pointId: string; from?: string });
  return new Set(restores.filter((restore) => restore.from === from).map(({ pointId }) => pointId));
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
export async function recordIntent(db: Database, point: Standing, order: { by: string; reason: string }) {
  const { table, where, key } = rowOf(point);
  const json = JSON.stringify({ by: order.by, reason: order.reason });
  await db.run(`UPDATE ${table} SET removed_json = ? WHERE ${where} AND removed_at IS NULL`, json, ...key);
}

export async function intentOf(db: Database, point: Standing): Promise<{ by: string; reason: string } | undefined> {
  const { table, where, key } = rowOf(point);
  const row = await db.get<{ removed_json: string }>(
    `SELECT removed_json FROM ${table} WHERE ${where} AND removed_at IS NULL AND removed_json IS NOT NULL`,
    ...key,
  );
  return row === undefined ? undefined : JSON.parse(row.removed_json);
}

/** Whatever was wanted, it was not removed. */
export async function cancelIntent(db: Database, point: Standing): Promise<void> {
  const { table, where, key } = rowOf(point);
  const sql = `UPDATE ${table} SET removed_json = NULL WHERE ${where} AND removed_at IS NULL AND removed_json IS NOT NULL`;
  await db.run(sql, ...key);
}

/** Ids of points of which the original or a copy is to be removed, and nobody knows yet whether it was. */
export async function pointsToBeRemoved(db: Database): Promise<Set<string>> {
  const rows = await db.all<{ id: string }>(
    `SELECT id FROM points WHERE removed_at IS NULL AND removed_json IS NOT NULL
     UNION SELECT point_id AS id FROM point_copies WHERE removed_at IS NULL AND removed_json IS NOT NULL`,
  );
  return new Set(rows.map(({ id }) => id));
}
