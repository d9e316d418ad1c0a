import type { BackupSpec, KeepRule, ReadingRules } from '@sealift/wire';
import { fail } from '../failures.ts';
import type { Database } from './database.ts';
import { afterName, limitOf, type Page, type PageRequest, pageOf } from './paging.ts';

export interface Job {
  id: string;
  name: string;
  transporterId: string;
  transporterName: string;
  paths: string[];
  repositoryId: string;
  repositoryName: string;
  encryption: BackupSpec['mode'];
  password?: { id: string; name: string };
  compression: string;
  exclude: string[];
  reading: ReadingRules;
  /** Most bytes that one run may store. */
  quotaBytes?: number;
  /** Without it everything is kept. */
  keep?: KeepRule;
  /** For how long its new points are locked, beside what the repository demands. */
  immutableDays?: number;
  /** How much its links may carry, in the words of `parseBandwidth`. */
  bandwidth?: string;
  /** Five cron fields, in the time zone of the Director. */
  schedule?: string;
  /** Since when nothing is begun by its schedule. */
  pausedAt?: number;
  /** Its rule removes nothing for now. */
  frozen?: Freeze;
  /** The last run that was compared with those before. */
  guardedRun?: string;
  /** UUID of the source that it had at another Director, for which it only stands: it cannot be run. */
  adoptedSource?: string;
  /** It only stands for its recovery points: nothing is done for it any more. */
  removedAt?: number;
  createdAt: number;
}

/** A run was so unlike those before it that points from before may be needed. */
export interface Freeze {
  since: number;
  run: string;
  reasons: string[];
}

type Found =
  | 'transporterName'
  | 'repositoryName'
  | 'password'
  | 'pausedAt'
  | 'frozen'
  | 'guardedRun'
  | 'adoptedSource'
  | 'removedAt';

export type NewJob = Omit<Job, Found> & {
  passwordId?: string;
};

interface Row {
  id: string;
  name: string;
  transporter_id: string;
  transporter_name: string;
  paths_json: string;
  repository_id: string;
  repository_name: string;
  encryption: BackupSpec['mode'];
  password_id: string | null;
  password_name: string | null;
  compression: string;
  exclude_json: string;
  reading_json: string;
  quota_bytes: number | null;
  keep_json: string | null;
  immutable_days: number | null;
  schedule: string | null;
  bandwidth: string | null;
  paused_at: number | null;
  frozen_json: string | null;
  guarded_run: string | null;
  adopted_source: string | null;
  removed_at: number | null;
  former_name: string | null;
  created_at: number;
}

const SELECT = `SELECT jobs.*, transporters.name AS transporter_name, repositories.name AS repository_name,
    passwords.name AS password_name
  FROM jobs
  JOIN transporters ON transporters.id = jobs.transporter_id
  JOIN repositories ON repositories.id = jobs.repository_id
  LEFT JOIN passwords ON passwords.id = jobs.password_id`;

export async function listJobs(db: Database, request: PageRequest): Promise<Page<Job>> {
  const limit = limitOf(request);
  const rows = await db.all<Row>(
    `${SELECT} WHERE jobs.name > ? AND jobs.removed_at IS NULL ORDER BY jobs.name LIMIT ?`,
    afterName(request),
    limit + 1,
  );
  return pageOf(rows, limit, fromRow, (row) => row.name);
}

export async function jobById(db: Database, id: string): Promise<Job | undefined> {
  const row = await db.get<Row>(`${SELECT} WHERE jobs.id = ?`, id);
  return row === undefined ? undefined : fromRow(row);
}

/** Ids of the jobs that a Transporter reads for. */
export async function jobIdsOf(db: Database, transporterId: string): Promise<string[]> {
  const rows = await db.all<{ id: string }>('SELECT id FROM jobs WHERE transporter_id = ?', transporterId);
  return rows.map(({ id }) => id);
}

/** By id or name, or by the name that a removed one had while no other has it; `not-found` otherwise. */
export async function jobNamed(db: Database, reference: string): Promise<Job> {
  const found = await jobById(db, reference);
  if (found !== undefined) return found;
  const row =
    (await db.get<Row>(`${SELECT} WHERE jobs.name = ?`, reference)) ??
    (await db.get<Row>(`${SELECT} WHERE jobs.former_name = ? ORDER BY jobs.removed_at DESC LIMIT 1`, reference));
  if (row === undefined) throw fail('not-found', `There is no job ${reference}.`);
  return fromRow(row);
}

export async function addJob(db: Database, job: NewJob): Promise<void> {
  const added = await db.run(
    `INSERT INTO jobs (id, name, transporter_id, paths_json, repository_id, encryption, password_id, compression,
       exclude_json, reading_json, quota_bytes, keep_json, immutable_days, schedule, bandwidth, due_since,
       scheduled_at, created_at)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
    job.id,
    job.name,
    job.transporterId,
    JSON.stringify(job.paths),
    job.repositoryId,
    job.encryption,
    job.passwordId ?? null,
    job.compression,
    JSON.stringify(job.exclude),
    JSON.stringify(job.reading),
    job.quotaBytes ?? null,
    job.keep === undefined ? null : JSON.stringify(job.keep),
    job.immutableDays ?? null,
    job.schedule ?? null,
    job.bandwidth ?? null,
    job.createdAt,
    job.createdAt,
    job.createdAt,
  );
  if (added === 0) throw fail('name-taken', `There is a job ${job.name} already.`);
}

export async function setReading(db: Database, jobId: string, reading: ReadingRules): Promise<void> {
  await db.run('UPDATE jobs SET reading_json = ? WHERE id = ?', JSON.stringify(reading), jobId);
}

/** Stands for a job of another Director, so that its points belong somewhere. Held by the target of its repository. */
export function addAdoptedJob(
  db: Database,
  job: Pick<Job, 'id' | 'name' | 'transporterId' | 'repositoryId' | 'encryption'> & { adoptedSource: string },
): Promise<number> {
  return db.run(
    `INSERT INTO jobs (id, name, transporter_id, paths_json, repository_id, encryption, compression, exclude_json,
       adopted_source, created_at)
     VALUES (?, ?, ?, '[]', ?, ?, 'auto', '[]', ?, ?) ON CONFLICT DO NOTHING`,
    job.id,
    job.name,
    job.transporterId,
    job.repositoryId,
    job.encryption,
    job.adoptedSource,
    Date.now(),
  );
}

/** Its name is free from then on. False while a run of it waits or is under way, or when it was removed before. */
export async function markRemoved(db: Database, jobId: string, now: number): Promise<boolean> {
  const changed = await db.run(
    `UPDATE jobs SET removed_at = ?, former_name = name, name = id WHERE id = ? AND removed_at IS NULL
     AND NOT EXISTS (SELECT 1 FROM runs WHERE job_id = ? AND state IN ('queued', 'running'))`,
    now,
    jobId,
    jobId,
  );
  return changed > 0;
}

function fromRow(row: Row): Job {
  return {
    id: row.id,
    name: row.former_name ?? row.name,
    transporterId: row.transporter_id,
    transporterName: row.transporter_name,
    paths: JSON.parse(row.paths_json),
    repositoryId: row.repository_id,
    repositoryName: row.repository_name,
    encryption: row.encryption,
    ...(row.password_id === null ? {} : { password: { id: row.password_id, name: row.password_name ?? '' } }),
    compression: row.compression,
    exclude: JSON.parse(row.exclude_json),
    reading: JSON.parse(row.reading_json),
    ...(row.quota_bytes === null ? {} : { quotaBytes: row.quota_bytes }),
    ...(row.schedule === null ? {} : { schedule: row.schedule }),
    ...(row.bandwidth === null ? {} : { bandwidth: row.bandwidth }),
    ...(row.paused_at === null ? {} : { pausedAt: row.paused_at }),
    ...retentionOf(row),
    ...endOf(row),
    createdAt: row.created_at,
  };
}

function endOf({ adopted_source: source, removed_at: at }: Row): Pick<Job, 'adoptedSource' | 'removedAt'> {
  return { ...(source === null ? {} : { adoptedSource: source }), ...(at === null ? {} : { removedAt: at }) };
}

function retentionOf(row: Row): Pick<Job, 'keep' | 'immutableDays' | 'frozen' | 'guardedRun'> {
  return {
    ...(row.keep_json === null ? {} : { keep: JSON.parse(row.keep_json) }),
    ...(row.immutable_days === null ? {} : { immutableDays: row.immutable_days }),
    ...(row.frozen_json === null ? {} : { frozen: JSON.parse(row.frozen_json) }),
    ...(row.guarded_run === null ? {} : { guardedRun: row.guarded_run }),
  };
}
