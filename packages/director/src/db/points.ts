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
  /** Source-side mode: where its keys are. */
  domain?: { id: string; epoch: number };
  /** In-flight mode, where it was made in another repository than the one it stands in: the id of that one, its dedup zone. */
  zone?: string;
  /** `runsDigest` of its runs, where it was told. */
  runsHash?: Buffer;
  sequence: number;
  hash: Buffer;
  /** Unknown for an adopted point, as are `bytes`. */
  files?: number;
  bytes?: number;
  /** The authority its signer has, where that is not the one of this Director: an adopted point. */
  authority?: { fingerprint: string; certificate: string };
  /** Of the descriptor that came with an adopted point. */
  descriptorHash?: Buffer;
  createdAt: number;
  /** What its target has told last: clock of the target. */
  receivedAt?: number;
  lockedUntil?: number;
  hold?: { reason: string; since: number };
  /** Since when the target does not list it any more. */
  missingSince?: number;
  /** It was removed, and stays as history. */
  removed?: { at: number; by: string; reason: string };
  /** This is the copy in another repository than that of the original, and all about its target is that of the copy's. */
  copy?: true;
}

export interface KeepingRow {
  received_at: number | null;
  locked_until: number | null;
  hold_json: string | null;
  missing_since: number | null;
  removed_at: number | null;
  removed_json: string | null;
}

export interface PointRow extends KeepingRow {
  id: string;
  job_id: string;
  job_name: string;
  repository_id: string;
  repository_name: string;
  transporter_id: string;
  transporter_name: string | null;
  mode: TaskPoint['mode'];
  password_id: string | null;
  password_name: string | null;
  domain_id: string | null;
  zone: string | null;
  epoch: number | null;
  runs_hash: Uint8Array | null;
  sequence: number;
  hash: Uint8Array;
  files: number | null;
  bytes: number | null;
  authority: string | null;
  authority_certificate: string | null;
  descriptor_hash: Uint8Array | null;
  created_at: number;
}

export const SELECT_POINTS = `SELECT points.*, coalesce(jobs.former_name, jobs.name) AS job_name, repositories.name AS repository_name,
    transporters.name AS transporter_name, passwords.name AS password_name,
    authorities.certificate AS authority_certificate
  FROM points
  JOIN jobs ON jobs.id = points.job_id
  JOIN repositories ON repositories.id = points.repository_id
  LEFT JOIN transporters ON transporters.id = points.transporter_id
  LEFT JOIN passwords ON passwords.id = points.password_id
  LEFT JOIN authorities ON authorities.repository_id = points.repository_id
    AND authorities.fingerprint = points.authority`;
const NEWEST = 'ORDER BY points.created_at DESC, points.id DESC LIMIT ?';

/** Without those that were removed. */
export async function listPoints(db: Database, request: PageRequest, jobId?: string): Promise<Page<Point>> {
  const limit = limitOf(request);
  const before = beforeTime(request);
  const present = `${SELECT_POINTS} WHERE points.removed_at IS NULL AND (points.created_at, points.id) < (?, ?)`;
  const rows =
    jobId === undefined
      ? await db.all<PointRow>(`${present} ${NEWEST}`, ...before, limit + 1)
      : await db.all<PointRow>(`${present} AND points.job_id = ? ${NEWEST}`, ...before, jobId, limit + 1);
  return pageOf(rows, limit, pointOf, (row) => [row.created_at, row.id]);
}

/** Also one that was removed; `not-found` when there never was one. */
export async function pointById(db: Database, id: string): Promise<Point> {
  const row = await db.get<PointRow>(`${SELECT_POINTS} WHERE points.id = ?`, id);
  if (row === undefined) throw fail('not-found', `There is no recovery point ${id}.`);
  return pointOf(row);
}

/** `point-removed` for one that is only history. */
export async function presentPoint(db: Database, id: string): Promise<Point> {
  const point = await pointById(db, id);
  if (point.removed === undefined) return point;
  const at = new Date(point.removed.at).toISOString();
  throw fail('point-removed', `The recovery point ${id} was removed by ${point.removed.by} at ${at}.`);
}

/** All that a job has in a repository, removed ones left out. */
export async function pointsOfJob(db: Database, jobId: string, repositoryId: string): Promise<Point[]> {
  const where = 'WHERE points.job_id = ? AND points.repository_id = ? AND points.removed_at IS NULL';
  return (await db.all<PointRow>(`${SELECT_POINTS} ${where} ORDER BY points.created_at`, jobId, repositoryId)).map(
    pointOf,
  );
}

/** To whom a new point belongs, and where its keys are. */
export interface PointOwner {
  jobId: string;
  repositoryId: string;
  transporterId: string;
  passwordId: string | undefined;
  domain: Point['domain'];
  zone?: Point['zone'];
  explanation: string | undefined;
  /** Adopted points: of the authority that certified the signer, and of the descriptor. */
  authority?: string | undefined;
  descriptorHash?: Buffer | undefined;
}

/** A point as it is recorded: what an adopted one holds is unknown. */
type NewPoint = Omit<TaskPoint, 'files' | 'bytes'> & Partial<Pick<TaskPoint, 'files' | 'bytes'>>;

/** Records the point once, however often it is reported. */
export function addPoint(point: NewPoint, of: PointOwner): Statement {
  const row = {
    id: point.id,
    job_id: of.jobId,
    repository_id: of.repositoryId,
    transporter_id: of.transporterId,
    mode: point.mode,
    password_id: of.passwordId ?? null,
    domain_id: of.domain?.id ?? null,
    epoch: of.domain?.epoch ?? null,
    zone: of.zone ?? null,
    runs_hash: point.runsHash ?? null,
    previous: point.previous ?? null,
    sequence: point.sequence,
    hash: point.hash,
    files: point.files ?? null,
    bytes: point.bytes ?? null,
    explanation_json: of.explanation ?? null,
    authority: of.authority ?? null,
    descriptor_hash: of.descriptorHash ?? null,
    created_at: point.createdAt,
  };
  const columns = Object.keys(row);
  return {
    sql: `INSERT INTO points (${columns.join(', ')}) VALUES (${columns.map(() => '?').join(', ')})
      ON CONFLICT (id) DO NOTHING`,
    values: Object.values(row),
  };
}

interface ChainLink {
  id: string;
  hash: Buffer;
  removed: boolean;
}

/**
 * The points of a job in a repository that a new one may follow: the newest that is there, the head of its chain, last;
 * before it those that came later and were removed, which a run may have begun from.
 */
export async function chainHeads(
  db: Database,
  of: { jobId: string; repositoryId: string; before: string },
): Promise<ChainLink[]> {
  const rows = await db.all<{ id: string; hash: Uint8Array; removed_at: number | null }>(
    `SELECT id, hash, removed_at FROM points WHERE job_id = ? AND repository_id = ? AND id <> ? AND sequence >=
       (SELECT coalesce(max(sequence), 0) FROM points AS there WHERE there.job_id = points.job_id
        AND there.repository_id = points.repository_id AND there.id <> ? AND there.removed_at IS NULL)
     ORDER BY removed_at IS NULL, sequence, created_at`,
    of.jobId,
    of.repositoryId,
    of.before,
    of.before,
  );
  return rows.map(({ id, hash, removed_at }) => ({ id, hash: Buffer.from(hash), removed: removed_at !== null }));
}

export async function explanationOf(db: Database, pointId: string): Promise<string | undefined> {
  const row = await db.get<{ explanation_json: string | null }>(
    'SELECT explanation_json FROM points WHERE id = ?',
    pointId,
  );
  return row?.explanation_json ?? undefined;
}

/** How many points each repository has. */
export async function countPoints(db: Database): Promise<{ repository: string; points: number }[]> {
  return db.all(
    `SELECT repositories.name AS repository, count(points.id) AS points
     FROM repositories LEFT JOIN points ON points.repository_id = repositories.id AND points.removed_at IS NULL
     GROUP BY repositories.id`,
  );
}

export function pointOf(row: PointRow): Point {
  return {
    id: row.id,
    job: { id: row.job_id, name: row.job_name },
    repository: { id: row.repository_id, name: row.repository_name },
    source: { id: row.transporter_id, name: row.transporter_name ?? row.transporter_id },
    mode: row.mode,
    ...(row.password_id === null ? {} : { password: { id: row.password_id, name: row.password_name ?? '' } }),
    ...domainOf(row),
    ...(row.zone === null ? {} : { zone: row.zone }),
    ...(row.runs_hash === null ? {} : { runsHash: Buffer.from(row.runs_hash) }),
    sequence: row.sequence,
    hash: Buffer.from(row.hash),
    ...(row.files === null ? {} : { files: row.files }),
    ...(row.bytes === null ? {} : { bytes: row.bytes }),
    ...adoptionOf(row),
    createdAt: row.created_at,
    ...keepingOf(row),
  };
}

/** How it stands at its target, from its own row or that of a copy. */
export function keepingOf(
  row: KeepingRow,
): Pick<Point, 'receivedAt' | 'lockedUntil' | 'hold' | 'missingSince' | 'removed'> {
  return {
    ...(row.received_at === null ? {} : { receivedAt: row.received_at }),
    ...(row.locked_until === null ? {} : { lockedUntil: row.locked_until }),
    ...(row.hold_json === null ? {} : { hold: JSON.parse(row.hold_json) }),
    ...(row.missing_since === null ? {} : { missingSince: row.missing_since }),
    ...(row.removed_at === null ? {} : { removed: { at: row.removed_at, ...JSON.parse(row.removed_json ?? '{}') } }),
  };
}

function adoptionOf(row: PointRow): Pick<Point, 'authority' | 'descriptorHash'> {
  const { authority: fingerprint, authority_certificate: certificate, descriptor_hash: hash } = row;
  return {
    ...(fingerprint === null || certificate === null ? {} : { authority: { fingerprint, certificate } }),
    ...(hash === null ? {} : { descriptorHash: Buffer.from(hash) }),
  };
}

function domainOf({ domain_id: id, epoch }: PointRow): Pick<Point, 'domain'> {
  return id === null ? {} : { domain: { id, epoch: epoch ?? 0 } };
}
