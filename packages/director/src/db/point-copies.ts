import { fail } from '../failures.ts';
import type { Database, Statement } from './database.ts';
import { type KeepingRow, keepingOf, type Point, type PointRow, pointById, pointOf, SELECT_POINTS } from './points.ts';
import type { Restore, UpkeepRun } from './run.ts';

/** How a copy of a point stands at its target. */
export interface PointCopy extends Pick<Point, 'lockedUntil' | 'hold' | 'missingSince' | 'removed'> {
  repository: { id: string; name: string };
  /** ms, clock of its target. */
  receivedAt: number;
}

interface CopyRow extends KeepingRow {
  repository_id: string;
  repository_name: string;
  received_at: number;
}

const SELECT_COPIES = `SELECT point_copies.*, repositories.name AS repository_name FROM point_copies
  JOIN repositories ON repositories.id = point_copies.repository_id`;

/** The other repositories that hold a point. */
export async function copiesOf(db: Database, pointId: string): Promise<PointCopy[]> {
  const rows = await db.all<CopyRow>(
    `${SELECT_COPIES} WHERE point_id = ? AND point_copies.removed_at IS NULL ORDER BY repositories.name`,
    pointId,
  );
  return rows.map(copyOf);
}

/** The point as it stands in the repository with its copy, removed or not. `not-found` where none was recorded. */
export async function pointIn(db: Database, pointId: string, repositoryId: string): Promise<Point> {
  const point = await pointById(db, pointId);
  if (point.repository.id === repositoryId) return point;
  const row = await db.get<CopyRow>(
    `${SELECT_COPIES} WHERE point_id = ? AND point_copies.repository_id = ?`,
    pointId,
    repositoryId,
  );
  if (row === undefined) throw fail('not-found', `That repository holds no copy of the recovery point ${pointId}.`);
  return standingAs(point, copyOf(row));
}

/** The same, for who wants to read it: `not-found` also for a copy that was removed. */
export async function presentPointIn(db: Database, pointId: string, repositoryId: string): Promise<Point> {
  const point = await pointIn(db, pointId, repositoryId);
  if (point.removed === undefined) return point;
  throw fail('not-found', `${point.repository.name} does not hold the recovery point ${pointId} any more.`);
}

/** What a restore reads, in the repository that it reads from. */
export async function pointOfRestore(db: Database, { pointId, from }: Restore): Promise<Point> {
  return from === undefined ? await pointById(db, pointId) : await pointIn(db, pointId, from);
}

/** The copy of a point, and when its original was received; unknown where its target has not told. */
export interface CopiedPoint {
  copy: Point;
  original: Pick<Point, 'receivedAt' | 'repository'>;
}

/** The copies of points of a job that were made from one repository into another and are there, oldest first. */
export async function copiedPoints(
  db: Database,
  of: { jobId: string; from: string; to: string },
): Promise<CopiedPoint[]> {
  const points = await db.all<PointRow>(
    `${SELECT_POINTS} WHERE points.job_id = ? AND points.repository_id = ? AND EXISTS
       (SELECT 1 FROM point_copies AS c WHERE c.point_id = points.id AND c.repository_id = ? AND c.removed_at IS NULL)
     ORDER BY points.created_at, points.id`,
    of.jobId,
    of.from,
    of.to,
  );
  const copies = await db.all<CopyRow & { point_id: string }>(
    `${SELECT_COPIES} WHERE point_copies.repository_id = ? AND point_copies.removed_at IS NULL
       AND point_id IN (SELECT id FROM points WHERE job_id = ?)`,
    of.to,
    of.jobId,
  );
  const byPoint = new Map(copies.map((row) => [row.point_id, copyOf(row)]));
  return points.flatMap((row) => {
    const copy = byPoint.get(row.id);
    const original = pointOf(row);
    return copy === undefined ? [] : [{ copy: standingAs(original, copy), original }];
  });
}

/** Points that are in `from`, and never were in `to`, oldest first. */
export async function pointsToCopy(
  db: Database,
  of: { from: string; to: string; jobId: string | undefined },
): Promise<Point[]> {
  const rows = await db.all<PointRow>(
    `${SELECT_POINTS} WHERE points.repository_id = ? AND points.mode = 'source-side' AND points.removed_at IS NULL
       AND points.missing_since IS NULL AND (? IS NULL OR points.job_id = ?)
       AND NOT EXISTS (SELECT 1 FROM point_copies AS c WHERE c.point_id = points.id AND c.repository_id = ?)
     ORDER BY points.created_at, points.id`,
    of.from,
    of.jobId ?? null,
    of.jobId ?? null,
    of.to,
  );
  return rows.map(pointOf);
}

/**
 * Records what a copy has reported; points that it was not asked to copy are not believed. A copy that was removed is there
 * again, unless this was recorded before: a report that comes twice says nothing of what happened between.
 */
export function recordCopies(
  { upkeep, report }: Pick<UpkeepRun, 'upkeep' | 'report'>,
  { repeated }: { repeated: boolean },
): Statement[] {
  if (upkeep.kind !== 'copy' || report?.kind !== 'copy') return [];
  const { points, repositoryId } = upkeep.spec;
  const asked = new Set(points);
  const known = repeated
    ? 'DO NOTHING'
    : `(point_id, repository_id) DO UPDATE SET received_at = excluded.received_at, locked_until = NULL, hold_json = NULL,
         missing_since = NULL, removed_at = NULL, removed_json = NULL WHERE point_copies.removed_at IS NOT NULL`;
  return report.copied
    .filter(({ point }) => asked.has(point))
    .map(({ point, receivedAt }) => ({
      sql: `INSERT INTO point_copies (point_id, repository_id, received_at) VALUES (?, ?, ?) ON CONFLICT ${known}`,
      values: [point, repositoryId, receivedAt],
    }));
}

function copyOf(row: CopyRow): PointCopy {
  const { repository_id: id, repository_name: name, received_at } = row;
  return { repository: { id, name }, ...keepingOf(row), receivedAt: received_at };
}

function standingAs(original: Point, copy: PointCopy): Point {
  const { receivedAt: _, lockedUntil: __, hold: ___, missingSince: ____, removed: _____, ...point } = original;
  return { ...point, ...copy, copy: true };
}
