import type { RequestPart } from '@sealift/wire';
import { fail } from '../failures.ts';
import type { Database, Statement } from './database.ts';
import { afterName, limitOf, type Page, type PageRequest, pageOf } from './paging.ts';

/** An encryption password as its users know it. What it was in each of its epochs is in `password-epochs.ts`. */
export interface Password {
  id: string;
  name: string;
  description?: string;
  /** Whether a hash is kept, or the password is asked for each time. */
  keep: 'hash' | 'never';
  /** Of the present password. */
  domainId: string;
  epoch: number;
  createdAt: number;
  rotatedAt?: number;
}

export type KeepMode = NonNullable<RequestPart<'createPassword', 'body'>['keep']>;

interface Row {
  id: string;
  name: string;
  description: string | null;
  keep: Password['keep'];
  domain_id: string;
  epoch: number;
  created_at: number;
  rotated_at: number | null;
}

export async function listPasswords(db: Database, request: PageRequest): Promise<Page<Password>> {
  const limit = limitOf(request);
  const rows = await db.all<Row>(
    'SELECT * FROM passwords WHERE name > ? ORDER BY name LIMIT ?',
    afterName(request),
    limit + 1,
  );
  return pageOf(rows, limit, fromRow, (row) => row.name);
}

export async function passwordById(db: Database, id: string): Promise<Password | undefined> {
  const row = await db.get<Row>('SELECT * FROM passwords WHERE id = ?', id);
  return row === undefined ? undefined : fromRow(row);
}

export async function passwordByName(db: Database, name: string): Promise<Password | undefined> {
  const row = await db.get<Row>('SELECT * FROM passwords WHERE name = ?', name);
  return row === undefined ? undefined : fromRow(row);
}

/** By id or name; `not-found` otherwise. */
export async function passwordNamed(db: Database, reference: string): Promise<Password> {
  const found = (await passwordById(db, reference)) ?? (await passwordByName(db, reference));
  if (found === undefined) throw fail('not-found', `There is no password ${reference}.`);
  return found;
}

/** The password whose present encryption domain this is. */
export async function passwordOfDomain(db: Database, domainId: string): Promise<Password | undefined> {
  const row = await db.get<Row>('SELECT * FROM passwords WHERE domain_id = ? ORDER BY created_at LIMIT 1', domainId);
  return row === undefined ? undefined : fromRow(row);
}

/** Changes nothing when the name is taken. */
export function addPassword(p: Password): Statement {
  return {
    sql: `INSERT INTO passwords (id, name, description, keep, domain_id, epoch, created_at)
      VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
    values: [p.id, p.name, p.description ?? null, p.keep, p.domainId, p.epoch, p.createdAt],
    mustChange: true,
  };
}

/** Makes another epoch the present one; changes nothing if the password is not as in `from` any more. */
export function moveToEpoch(from: Password, to: { domainId: string; epoch: number; at: number }): Statement {
  return {
    sql: `UPDATE passwords SET domain_id = ?, epoch = ?, rotated_at = ?
      WHERE id = ? AND domain_id = ? AND epoch = ? AND keep = ?`,
    values: [to.domainId, to.epoch, to.at, from.id, from.domainId, from.epoch, from.keep],
    mustChange: true,
  };
}

export function keepNoHash(passwordId: string): Statement {
  return { sql: `UPDATE passwords SET keep = 'never' WHERE id = ?`, values: [passwordId] };
}

/** The jobs that seal with it. */
export async function jobsUsing(db: Database, passwordId: string): Promise<{ id: string; name: string }[]> {
  return await db.all(
    'SELECT id, name FROM jobs WHERE password_id = ? AND removed_at IS NULL ORDER BY name',
    passwordId,
  );
}

/** How many recovery points of each job each of its domains has. */
export async function pointsInDomains(
  db: Database,
  passwordId: string,
): Promise<{ domainId: string; job: { id: string; name: string }; points: number }[]> {
  const rows = await db.all<{ domainId: string; id: string; name: string; points: number }>(
    `SELECT points.domain_id AS domainId, jobs.id, coalesce(jobs.former_name, jobs.name) AS name, count(*) AS points
     FROM points JOIN jobs ON jobs.id = points.job_id
     WHERE points.domain_id IN (SELECT domain_id FROM password_epochs WHERE password_id = ?)
     GROUP BY points.domain_id, jobs.id ORDER BY jobs.name`,
    passwordId,
  );
  return rows.map(({ domainId, id, name, points }) => ({ domainId, job: { id, name }, points }));
}

/** The repositories in which its jobs or recovery points are. */
export async function repositoriesUsing(
  db: Database,
  passwordId: string,
): Promise<{ name: string; transporter: string; path: string }[]> {
  return await db.all(
    `SELECT repositories.name, transporters.name AS transporter, repositories.path
     FROM repositories JOIN transporters ON transporters.id = repositories.transporter_id
     WHERE repositories.id IN (SELECT repository_id FROM jobs WHERE password_id = ?
       UNION SELECT repository_id FROM points WHERE password_id = ?)
     ORDER BY repositories.name`,
    passwordId,
    passwordId,
  );
}

function fromRow(row: Row): Password {
  return {
    id: row.id,
    name: row.name,
    ...(row.description === null ? {} : { description: row.description }),
    keep: row.keep,
    domainId: row.domain_id,
    epoch: row.epoch,
    createdAt: row.created_at,
    ...(row.rotated_at === null ? {} : { rotatedAt: row.rotated_at }),
  };
}
