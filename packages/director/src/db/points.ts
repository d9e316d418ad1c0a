import type { TaskPoint } from '@sealift/wire';
import { fail } from '../failures.ts';
import type { Database, Statement } from './database.ts';
import { beforeTime, limitOf, type Page, type PageRequest, pageOf } from './paging.ts';

export interface Point {
  id: string;
  job: { id: string; name: string };
  repository: { id: string; name: string };
  source: { id: string; name: string };
  mode: TaskPoint['mode'];
  password?: { id: string; name: string };
  sequence: number;
  hash: Buffer;
  files: number;
  bytes: number;
  createdAt: number;
}

interface Row {
  id: string;
  job_id: string;
  job_name: string;
  repository_id: string;
  repository_name: string;
  transporter_id: string;
  transporter_name: string;
  mode: TaskPoint['mode'];
  password_id: string | null;
  password_name: string | null;
  sequence: number;
  hash: Uint8Array;
  files: number;
  bytes: number;
  created_at: number;
}

const SELECT = `SELECT points.*, jobs.name AS job_name, repositories.name AS repository_name,
    transporters.name AS transporter_name, passwords.name AS password_name
  FROM points
  JOIN jobs ON jobs.id = points.job_id
  JOIN repositories ON repositories.id = points.repository_id
  JOIN transporters ON transporters.id = points.transporter_id
  LEFT JOIN passwords ON passwords.id = points.password_id`;
const NEWEST = 'ORDER BY points.created_at DESC, points.id DESC LIMIT ?';

export async function listPoints(db: Database, request: PageRequest, jobId?: string): Promise<Page<Point>> {
  const limit = limitOf(request);
  const before = beforeTime(request);
  const rows =
    jobId === undefined
      ? await db.all<Row>(`${SELECT} WHERE (points.created_at, points.id) < (?, ?) ${NEWEST}`, ...before, limit + 1)
      : await db.all<Row>(
          `${SELECT} WHERE points.job_id = ? AND (points.created_at, points.id) < (?, ?) ${NEWEST}`,
          jobId,
          ...before,
          limit + 1,
        );
  return pageOf(rows, limit, fromRow, (row) => [row.created_at, row.id]);
}

export async function pointById(db: Database, id: string): Promise<Point> {
  const row = await db.get<Row>(`${SELECT} WHERE points.id = ?`, id);
  if (row === undefined) throw fail('not-found', `There is no recovery point ${id}.`);
  return fromRow(row);
}

/** Records the point once, however often it is reported. */
export function addPoint(
  point: TaskPoint,
  of: { jobId: string; repositoryId: string; transporterId: string; passwordId: string | undefined },
): Statement {
  return {
    sql: `INSERT INTO points (id, job_id, repository_id, transporter_id, mode, password_id, sequence, hash, files,
        bytes, created_at)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING`,
    values: [
      point.id,
      of.jobId,
      of.repositoryId,
      of.transporterId,
      point.mode,
      of.passwordId ?? null,
      point.sequence,
      point.hash,
      point.files,
      point.bytes,
      point.createdAt,
    ],
  };
}

/** How many points each repository has. */
export async function countPoints(db: Database): Promise<{ repository: string; points: number }[]> {
  return db.all(
    `SELECT repositories.name AS repository, count(points.id) AS points
     FROM repositories LEFT JOIN points ON points.repository_id = repositories.id GROUP BY repositories.id`,
  );
}

function fromRow(row: Row): Point {
  return {
    id: row.id,
    job: { id: row.job_id, name: row.job_name },
    repository: { id: row.repository_id, name: row.repository_name },
    source: { id: row.transporter_id, name: row.transporter_name },
    mode: row.mode,
    ...(row.password_id === null ? {} : { password: { id: row.password_id, name: row.password_name ?? '' } }),
    sequence: row.sequence,
    hash: Buffer.from(row.hash),
    files: row.files,
    bytes: row.bytes,
    createdAt: row.created_at,
  };
}
