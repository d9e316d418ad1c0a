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
    `${SELECT_POINTS} WHERE points.repository_id = ? AND points.removed_at IS NULL
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

/** Of these points of a repository, those that another one holds, by that repository; of several copies the oldest counts. */
export async function copiesToFetch(
  db: Database,
  repositoryId: string,
  points: string[],
): Promise<Map<string, string[]>> {
  const rows = await db.all<{ point_id: string; repository_id: string }>(
    `SELECT point_id, point_copies.repository_id, min(point_copies.received_at) FROM point_copies
     JOIN points ON points.id = point_id
     WHERE points.repository_id = ? AND points.removed_at IS NULL AND point_copies.removed_at IS NULL
       AND point_id IN (SELECT value FROM json_each(?))
     GROUP BY point_id ORDER BY points.created_at, point_id`,
    repositoryId,
    JSON.stringify(points),
  );
  const found = new Map<string, string[]>();
  for (const { point_id, repository_id } of rows) {
    found.set(repository_id, [...(found.get(repository_id) ?? []), point_id]);
  }
  return found;
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
      // One that was brought back to where it was made is no copy.
      sql: `INSERT INTO point_copies (point_id, repository_id, received_at)
            SELECT ?, ?, ? WHERE NOT EXISTS (SELECT 1 FROM points WHERE id = ? AND repository_id = ?)
            ON CONFLICT ${known}`,
      values: [point, repositoryId, receivedAt, point, repositoryId],
    }));
}

function copyOf(row: CopyRow): PointCopy {
  const { repository_id: id, repository_name: name, received_at } = row;
  return { repository: { id, name }, ...keepingOf(row), receivedAt: received_at };
}

/** A copy keeps the dedup zone of its original. */
function zoneOf({ mode, zone, repository }: Point): Pick<Point, 'zone'> {
  return mode === 'in-flight' ? { zone: zone ?? repository.id } : {};
}

function standingAs(original: Point, copy: PointCopy): Point {
  const { receivedAt: _, lockedUntil: __, hold: ___, missingSince: ____, removed: _____, ...point } = original;
  return { ...point, ...zoneOf(original), ...copy, copy: true };
}
