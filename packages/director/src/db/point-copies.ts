import { fail } from '../failures.ts';
import type { Database, Statement } from './database.ts';
import { type Point, pointById } from './points.ts';
import type { Restore, UpkeepRun } from './run.ts';

export interface PointCopy {
  repository: { id: string; name: string };
  /** ms, clock of its target. */
  receivedAt: number;
}

interface Row {
  id: string;
  name: string;
  received_at: number;
}

/** The other repositories that hold a point. */
export async function copiesOf(db: Database, pointId: string): Promise<PointCopy[]> {
  const rows = await db.all<Row>(
    `SELECT repositories.id, repositories.name, received_at FROM point_copies
     JOIN repositories ON repositories.id = repository_id WHERE point_id = ? ORDER BY repositories.name`,
    pointId,
  );
  return rows.map(({ id, name, received_at }) => ({ repository: { id, name }, receivedAt: received_at }));
}

/** Ids of source-side points that are in `from` and not in `to`, oldest first. */
export async function pointsToCopy(
  db: Database,
  of: { from: string; to: string; jobId: string | undefined; limit: number },
): Promise<string[]> {
  const rows = await db.all<{ id: string }>(
    `SELECT id FROM points WHERE repository_id = ? AND mode = 'source-side' AND removed_at IS NULL
       AND (? IS NULL OR job_id = ?)
       AND NOT EXISTS (SELECT 1 FROM point_copies WHERE point_id = points.id AND repository_id = ?)
     ORDER BY created_at, id LIMIT ?`,
    of.from,
    of.jobId ?? null,
    of.jobId ?? null,
    of.to,
    of.limit,
  );
  return rows.map(({ id }) => id);
}

/** Records what a copy has reported, once; points that it was not asked to copy are not believed. */
export function recordCopies({ upkeep, report }: Pick<UpkeepRun, 'upkeep' | 'report'>): Statement[] {
  if (upkeep.kind !== 'copy' || report?.kind !== 'copy') return [];
  const { points, repositoryId } = upkeep.spec;
  const asked = new Set(points);
  return report.copied
    .filter(({ point }) => asked.has(point))
    .map(({ point, receivedAt }) => ({
      sql: `INSERT INTO point_copies (point_id, repository_id, received_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`,
      values: [point, repositoryId, receivedAt],
    }));
}

/** The point as it stands in the repository with its copy. `not-found` where no copy was recorded. */
export async function pointIn(db: Database, pointId: string, repositoryId: string): Promise<Point> {
  const point = await pointById(db, pointId);
  if (point.repository.id === repositoryId) return point;
  const copy = (await copiesOf(db, pointId)).find(({ repository }) => repository.id === repositoryId);
  if (copy === undefined) throw fail('not-found', `That repository holds no copy of the recovery point ${pointId}.`);
  return { ...point, repository: copy.repository };
}

/** What a restore reads, in the repository that it reads from. */
export async function pointOfRestore(db: Database, { pointId, from }: Restore): Promise<Point> {
  return from === undefined ? await pointById(db, pointId) : await pointIn(db, pointId, from);
}
