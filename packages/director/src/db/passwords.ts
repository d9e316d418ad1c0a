import { fail } from '../failures.ts';
import type { Database } from './database.ts';
import { afterName, limitOf, type Page, type PageRequest, pageOf } from './paging.ts';

/** An encryption password: never itself, only its hash, wrapped under the master key. */
export interface Password {
  id: string;
  name: string;
  description?: string;
  domainId: string;
  epoch: number;
  wrappedHash: Buffer;
  descriptor: Buffer;
  createdAt: number;
}

interface Row {
  id: string;
  name: string;
  description: string | null;
  domain_id: string;
  epoch: number;
  wrapped_hash: Uint8Array;
  descriptor: Uint8Array;
  created_at: number;
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

export async function addPassword(db: Database, p: Password): Promise<void> {
  const added = await db.run(
    `INSERT INTO passwords (id, name, description, domain_id, epoch, wrapped_hash, descriptor, created_at)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
    p.id,
    p.name,
    p.description ?? null,
    p.domainId,
    p.epoch,
    p.wrappedHash,
    p.descriptor,
    p.createdAt,
  );
  if (added === 0) throw fail('name-taken', `There is a password ${p.name} already.`);
}

function fromRow(row: Row): Password {
  return {
    id: row.id,
    name: row.name,
    ...(row.description === null ? {} : { description: row.description }),
    domainId: row.domain_id,
    epoch: row.epoch,
    wrappedHash: Buffer.from(row.wrapped_hash),
    descriptor: Buffer.from(row.descriptor),
    createdAt: row.created_at,
  };
}
