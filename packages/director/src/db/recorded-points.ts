import type { Database } from './database.ts';

/** A recovery point as it was recorded. */
export interface RecordedPoint {
  id: string;
  jobId: string;
  repositoryId: string;
  sequence: number;
  hash: Buffer;
  /** It was removed, and stays as history. */
  removed: boolean;
}

interface Row {
  id: string;
  job_id: string;
  repository_id: string;
  sequence: number;
  hash: Uint8Array;
  removed_at: number | null;
}

const COLUMNS = 'id, job_id, repository_id, sequence, hash, removed_at';

/** Those of these ids that are recorded, in whatever repository. */
export async function recordedAmong(db: Database, ids: string[]): Promise<Map<string, RecordedPoint>> {
  if (ids.length === 0) return new Map();
  const marks = ids.map(() => '?').join(', ');
  const rows = await db.all<Row>(`SELECT ${COLUMNS} FROM points WHERE id IN (${marks})`, ...ids);
  return new Map(rows.map((row) => [row.id, fromRow(row)]));
}

/**
 * One page of the points that a repository should hold, ordered by id: its own that are not removed, nor being removed, and
 * copies of others, which outlive their originals.
 */
export async function recordedPoints(
  db: Database,
  repositoryId: string,
  page: { after: string; limit: number },
): Promise<RecordedPoint[]> {
  const rows = await db.all<Row>(
    `SELECT ${COLUMNS} FROM points WHERE id > ? AND
       (repository_id = ? AND removed_at IS NULL AND removed_json IS NULL OR EXISTS
         (SELECT 1 FROM point_copies AS c WHERE c.point_id = points.id AND c.repository_id = ?
          AND c.removed_at IS NULL AND c.removed_json IS NULL))
     ORDER BY id LIMIT ?`,
    page.after,
    repositoryId,
    repositoryId,
    page.limit,
  );
  return rows.map(fromRow);
}

export interface JobChain {
  id: string;
  name: string;
  source: string;
  encryption: 'in-flight' | 'source-side';
  points: number;
  /** Sequence numbers below the newest that no point has. */
  missing: number;
}

/** How complete the chains of points in a repository are, by job. */
export async function chainsIn(db: Database, repositoryId: string): Promise<JobChain[]> {
  return await db.all<JobChain>(
    `SELECT jobs.id, coalesce(jobs.former_name, jobs.name) AS name, jobs.encryption, coalesce(jobs.adopted_source, jobs.transporter_id) AS source,
       count(*) AS points, max(points.sequence) - count(DISTINCT points.sequence) AS missing
     FROM points JOIN jobs ON jobs.id = points.job_id
     WHERE points.repository_id = ?
     GROUP BY jobs.id, jobs.name, jobs.encryption, jobs.adopted_source, jobs.transporter_id ORDER BY jobs.name`,
    repositoryId,
  );
}

/** How many points of a repository were made under each authority of another Director. */
export async function pointsByAuthority(db: Database, repositoryId: string): Promise<Map<string, number>> {
  const rows = await db.all<{ authority: string; points: number }>(
    `SELECT authority, count(*) AS points FROM points
     WHERE repository_id = ? AND authority IS NOT NULL GROUP BY authority`,
    repositoryId,
  );
  return new Map(rows.map(({ authority, points }) => [authority, points]));
}

function fromRow(row: Row): RecordedPoint {
  return {
    id: row.id,
    jobId: row.job_id,
    repositoryId: row.repository_id,
    sequence: row.sequence,
    hash: Buffer.from(row.hash),
    removed: row.removed_at !== null,
  };
}
