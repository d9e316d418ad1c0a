import type { Wrapped } from '../keys/wrapping.ts';
import type { Database, Statement } from './database.ts';

/** One password that an encryption password has had: its descriptor, and its hash as far as that is kept. */
export interface PasswordEpoch {
  passwordId: string;
  domainId: string;
  epoch: number;
  /** Without wraps of a key management service. */
  descriptor: Buffer;
  /** With them; for new recovery points while a hash is kept. */
  kmsDescriptor?: Buffer;
  wrappedHash?: Wrapped;
  createdAt: number;
}

interface Row {
  password_id: string;
  domain_id: string;
  epoch: number;
  descriptor: Uint8Array;
  kms_descriptor: Uint8Array | null;
  wrapped_hash: Uint8Array | null;
  provider: string | null;
  key_ref: string | null;
  created_at: number;
}

export function addEpoch(e: PasswordEpoch): Statement {
  return {
    sql: `INSERT INTO password_epochs (password_id, domain_id, epoch, descriptor, kms_descriptor, wrapped_hash,
        provider, key_ref, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    values: [
      e.passwordId,
      e.domainId,
      e.epoch,
      e.descriptor,
      e.kmsDescriptor ?? null,
      e.wrappedHash?.bytes ?? null,
      e.wrappedHash?.provider ?? null,
      e.wrappedHash?.keyRef ?? null,
      e.createdAt,
    ],
  };
}

/** Newest first. */
export async function epochsOf(db: Database, passwordId: string): Promise<PasswordEpoch[]> {
  const rows = await db.all<Row>(
    'SELECT * FROM password_epochs WHERE password_id = ? ORDER BY created_at DESC, epoch DESC',
    passwordId,
  );
  return rows.map(fromRow);
}

/** The newest password of a domain: it opens what the ones before it have sealed, too. */
export async function newestEpoch(db: Database, domainId: string): Promise<PasswordEpoch | undefined> {
  const row = await db.get<Row>(
    'SELECT * FROM password_epochs WHERE domain_id = ? ORDER BY epoch DESC LIMIT 1',
    domainId,
  );
  return row === undefined ? undefined : fromRow(row);
}

/** Epochs whose hash was wrapped by another service or key than this one. */
export async function wrappedByOthers(
  db: Database,
  current: { provider: string; keyRef: string },
): Promise<PasswordEpoch[]> {
  const rows = await db.all<Row>(
    `SELECT * FROM password_epochs
     WHERE wrapped_hash IS NOT NULL AND (provider <> ? OR key_ref <> ?) ORDER BY domain_id, epoch`,
    current.provider,
    current.keyRef,
  );
  return rows.map(fromRow);
}

/** How many hashes are wrapped by this service and key, and how many by others. */
export async function countWrapped(
  db: Database,
  current: { provider: string; keyRef: string },
): Promise<{ current: number; other: number }> {
  const all = await db.get<{ n: number }>('SELECT count(*) AS n FROM password_epochs WHERE wrapped_hash IS NOT NULL');
  const other = (await wrappedByOthers(db, current)).length;
  return { current: (all?.n ?? 0) - other, other };
}

/** The same epoch wrapped anew; changes nothing if its hash was forgotten or wrapped anew meanwhile. */
export async function replaceWrap(db: Database, before: PasswordEpoch, after: PasswordEpoch): Promise<void> {
  await db.run(
    `UPDATE password_epochs SET wrapped_hash = ?, provider = ?, key_ref = ?, descriptor = ?, kms_descriptor = ?
     WHERE domain_id = ? AND epoch = ? AND wrapped_hash = ?`,
    after.wrappedHash?.bytes ?? null,
    after.wrappedHash?.provider ?? null,
    after.wrappedHash?.keyRef ?? null,
    after.descriptor,
    after.kmsDescriptor ?? null,
    before.domainId,
    before.epoch,
    before.wrappedHash?.bytes ?? null,
  );
}

/** Erases all from which the hash of an epoch could be had. @param descriptor without wraps */
export function forgetHash({ domainId, epoch }: PasswordEpoch, descriptor: Buffer): Statement {
  return {
    sql: `UPDATE password_epochs SET wrapped_hash = NULL, provider = NULL, key_ref = NULL, kms_descriptor = NULL,
      descriptor = ? WHERE domain_id = ? AND epoch = ?`,
    values: [descriptor, domainId, epoch],
  };
}

/** By which services and keys hashes are wrapped. An empty `keyRef`: by some key of the provider. */
export async function wrappersInUse(db: Database): Promise<{ provider: string; keyRef: string; hashes: number }[]> {
  return await db.all(
    `SELECT provider, key_ref AS keyRef, count(*) AS hashes FROM password_epochs
     WHERE wrapped_hash IS NOT NULL GROUP BY provider, key_ref ORDER BY provider, key_ref`,
  );
}

function fromRow(row: Row): PasswordEpoch {
  const { wrapped_hash: bytes, provider, key_ref: keyRef } = row;
  return {
    passwordId: row.password_id,
    domainId: row.domain_id,
    epoch: row.epoch,
    descriptor: Buffer.from(row.descriptor),
    ...(row.kms_descriptor === null ? {} : { kmsDescriptor: Buffer.from(row.kms_descriptor) }),
    ...(bytes === null
      ? {}
      : { wrappedHash: { bytes: Buffer.from(bytes), provider: provider ?? '', keyRef: keyRef ?? '' } }),
    createdAt: row.created_at,
  };
}
