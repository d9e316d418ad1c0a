import type { TransporterRole } from '@sealift/wire';
import { fail } from '../failures.ts';
import type { Database, Statement } from './database.ts';
import { afterName, limitOf, type Page, type PageRequest, pageOf } from './paging.ts';

export interface Transporter {
  id: string;
  name: string;
  role: TransporterRole;
  enrolledAt: number;
  /** SHA-256 of the public key of its certificate. */
  keyHash: Buffer;
  /** The same of a certificate that was issued for it and not used yet. */
  nextKeyHash?: Buffer;
  certificateExpiresAt: number;
  version?: string;
  dataUrl?: string;
  lastSeenAt?: number;
  revokedAt?: number;
  /** How much its links may carry, in the words of `parseBandwidth`. */
  bandwidth?: string;
}

interface Row {
  id: string;
  name: string;
  role: TransporterRole;
  enrolled_at: number;
  key_hash: Uint8Array;
  next_key_hash: Uint8Array | null;
  certificate_expires_at: number;
  version: string | null;
  data_url: string | null;
  last_seen_at: number | null;
  revoked_at: number | null;
  bandwidth: string | null;
}

export async function listTransporters(db: Database, request: PageRequest): Promise<Page<Transporter>> {
  const limit = limitOf(request);
  const rows = await db.all<Row>(
    'SELECT * FROM transporters WHERE name > ? ORDER BY name LIMIT ?',
    afterName(request),
    limit + 1,
  );
  return pageOf(rows, limit, fromRow, (row) => row.name);
}

export async function allTransporters(db: Database): Promise<Transporter[]> {
  return (await db.all<Row>('SELECT * FROM transporters ORDER BY name')).map(fromRow);
}

export async function transporterById(db: Database, id: string): Promise<Transporter | undefined> {
  const row = await db.get<Row>('SELECT * FROM transporters WHERE id = ?', id);
  return row === undefined ? undefined : fromRow(row);
}

export async function transporterByName(db: Database, name: string): Promise<Transporter | undefined> {
  const row = await db.get<Row>('SELECT * FROM transporters WHERE name = ?', name);
  return row === undefined ? undefined : fromRow(row);
}

/** By id or name; `not-found` otherwise. */
export async function transporterNamed(db: Database, reference: string): Promise<Transporter> {
  const found = (await transporterById(db, reference)) ?? (await transporterByName(db, reference));
  if (found === undefined) throw fail('not-found', `There is no Transporter ${reference}.`);
  return found;
}

/** By id or name, one that keeps repositories. @throws Failure `not-found`, `role-unfit` */
export async function targetNamed(db: Database, reference: string): Promise<Transporter> {
  const named = await transporterNamed(db, reference);
  if (named.role === 'target') return named;
  throw fail('role-unfit', `${named.name} is a ${named.role}; repositories live at targets.`);
}

/** Adds the Transporter, or gives the one of that name its new key; changes nothing when the role is another one. */
export function enrolTransporter(
  t: Omit<Transporter, 'revokedAt' | 'bandwidth' | 'nextKeyHash' | 'version' | 'dataUrl' | 'lastSeenAt'>,
): Statement {
  return {
    sql: `INSERT INTO transporters (id, name, role, enrolled_at, key_hash, certificate_expires_at)
      VALUES (?, ?, ?, ?, ?, ?)
      ON CONFLICT (name) DO UPDATE SET enrolled_at = excluded.enrolled_at, key_hash = excluded.key_hash,
        next_key_hash = NULL, revoked_at = NULL, certificate_expires_at = excluded.certificate_expires_at
      WHERE transporters.role = excluded.role AND transporters.id = excluded.id`,
    values: [t.id, t.name, t.role, t.enrolledAt, t.keyHash, t.certificateExpiresAt],
    mustChange: true,
  };
}

/** Records a greeting. The key it came with is from now on the only one. */
export async function recordHello(
  db: Database,
  id: string,
  seen: { at: number; version: string; dataUrl: string | undefined; keyHash: Buffer; certificateExpiresAt: number },
): Promise<void> {
  await db.run(
    `UPDATE transporters SET last_seen_at = ?, version = ?, data_url = ?, certificate_expires_at = ?,
       next_key_hash = CASE WHEN key_hash = ? THEN next_key_hash ELSE NULL END, key_hash = ?
     WHERE id = ?`,
    seen.at,
    seen.version,
    seen.dataUrl ?? null,
    seen.certificateExpiresAt,
    seen.keyHash,
    seen.keyHash,
    id,
  );
}

/** What keeps a Transporter from being forgotten: jobs that read from it, repositories that it serves. */
export async function needsOf(db: Database, id: string): Promise<string[]> {
  const rows = await db.all<{ name: string }>(
    `SELECT 'job ' || coalesce(former_name, name) AS name FROM jobs WHERE transporter_id = ?
     UNION SELECT 'repository ' || name FROM repositories WHERE transporter_id = ?
     UNION SELECT 'run ' || id FROM runs WHERE transporter_id = ?`,
    id,
    id,
    id,
  );
  return rows.map((row) => row.name);
}

export async function removeTransporter(db: Database, id: string): Promise<void> {
  await db.run('DELETE FROM transporters WHERE id = ?', id);
}

export async function recordLastSeen(db: Database, id: string, at: number): Promise<void> {
  await db.run('UPDATE transporters SET last_seen_at = ? WHERE id = ?', at, id);
}

export async function recordRenewal(db: Database, id: string, keyHash: Buffer): Promise<void> {
  await db.run('UPDATE transporters SET next_key_hash = ? WHERE id = ?', keyHash, id);
}

function fromRow(row: Row): Transporter {
  return {
    id: row.id,
    name: row.name,
    role: row.role,
    enrolledAt: row.enrolled_at,
    keyHash: Buffer.from(row.key_hash),
    ...(row.next_key_hash === null ? {} : { nextKeyHash: Buffer.from(row.next_key_hash) }),
    certificateExpiresAt: row.certificate_expires_at,
    ...(row.version === null ? {} : { version: row.version }),
    ...(row.data_url === null ? {} : { dataUrl: row.data_url }),
    ...(row.last_seen_at === null ? {} : { lastSeenAt: row.last_seen_at }),
    ...(row.revoked_at === null ? {} : { revokedAt: row.revoked_at }),
    ...(row.bandwidth === null ? {} : { bandwidth: row.bandwidth }),
  };
}
