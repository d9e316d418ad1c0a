import { fail } from '../failures.ts';
import type { Database } from './database.ts';
import { afterName, limitOf, type Page, type PageRequest, pageOf } from './paging.ts';

export interface Repository {
  id: string;
  name: string;
  transporterId: string;
  transporterName: string;
  path: string;
  /** For how long its target locks every new point at least, as it said last. */
  immutableDays?: number;
  createdAt: number;
}

interface Row {
  id: string;
  name: string;
  transporter_id: string;
  transporter_name: string;
  path: string;
  immutable_days: number | null;
  created_at: number;
}

const SELECT = `SELECT repositories.*, transporters.name AS transporter_name
  FROM repositories JOIN transporters ON transporters.id = repositories.transporter_id`;

export async function listRepositories(db: Database, request: PageRequest): Promise<Page<Repository>> {
  const limit = limitOf(request);
  const rows = await db.all<Row>(
    `${SELECT} WHERE repositories.name > ? ORDER BY repositories.name LIMIT ?`,
    afterName(request),
    limit + 1,
  );
  return pageOf(rows, limit, fromRow, (row) => row.name);
}

export async function repositoriesOf(db: Database, transporterId: string): Promise<Repository[]> {
  const rows = await db.all<Row>(`${SELECT} WHERE repositories.transporter_id = ?`, transporterId);
  return rows.map(fromRow);
}

export async function everyRepository(db: Database): Promise<Repository[]> {
  return (await db.all<Row>(`${SELECT} ORDER BY repositories.name`)).map(fromRow);
}

export async function repositoryById(db: Database, id: string): Promise<Repository | undefined> {
  const row = await db.get<Row>(`${SELECT} WHERE repositories.id = ?`, id);
  return row === undefined ? undefined : fromRow(row);
}

export async function repositoryByName(db: Database, name: string): Promise<Repository | undefined> {
  const row = await db.get<Row>(`${SELECT} WHERE repositories.name = ?`, name);
  return row === undefined ? undefined : fromRow(row);
}

/** One that another record refers to. */
export async function existingRepository(db: Database, id: string): Promise<Repository> {
  const found = await repositoryById(db, id);
  if (found === undefined) throw fail('not-found', `There is no repository ${id}.`);
  return found;
}

/** By id or name; `not-found` otherwise. */
export async function repositoryNamed(db: Database, reference: string): Promise<Repository> {
  const found = (await repositoryById(db, reference)) ?? (await repositoryByName(db, reference));
  if (found === undefined) throw fail('not-found', `There is no repository ${reference}.`);
  return found;
}

export async function addRepository(db: Database, r: Omit<Repository, 'transporterName'>): Promise<void> {
  const added = await db.run(
    `INSERT INTO repositories (id, name, transporter_id, path, immutable_days, created_at) VALUES (?, ?, ?, ?, ?, ?)
     ON CONFLICT DO NOTHING`,
    r.id,
    r.name,
    r.transporterId,
    r.path,
    r.immutableDays ?? null,
    r.createdAt,
  );
  if (added === 0) throw fail('name-taken', `There is a repository ${r.name} already.`);
}

export async function recordPlace(db: Database, id: string, transporterId: string, path: string): Promise<void> {
  await db.run('UPDATE repositories SET transporter_id = ?, path = ? WHERE id = ?', transporterId, path, id);
}

export async function recordImmutability(db: Database, id: string, days: number): Promise<void> {
  await db.run('UPDATE repositories SET immutable_days = ? WHERE id = ?', days, id);
}

function fromRow(row: Row): Repository {
  return {
    id: row.id,
    name: row.name,
    transporterId: row.transporter_id,
    transporterName: row.transporter_name,
    path: row.path,
    ...(row.immutable_days === null ? {} : { immutableDays: row.immutable_days }),
    createdAt: row.created_at,
  };
}
