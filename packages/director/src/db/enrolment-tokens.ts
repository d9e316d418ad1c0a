import type { TransporterRole } from '@sealift/wire';
import type { Database, Statement } from './database.ts';

export interface EnrolmentToken {
  id: string;
  name: string;
  role: TransporterRole;
  secretHash: Buffer;
  expiresAt: number;
  spentAt?: number;
}

interface Row {
  id: string;
  name: string;
  role: TransporterRole;
  secret_hash: Uint8Array;
  expires_at: number;
  spent_at: number | null;
}

/** Tokens are forgotten this long after their end, ms: long enough to tell `token-used` from `token-invalid`. */
const REMEMBERED = 30 * 24 * 60 * 60 * 1000;

export async function addToken(db: Database, token: EnrolmentToken, now: number): Promise<void> {
  await db.run('DELETE FROM enrolment_tokens WHERE expires_at < ?', now - REMEMBERED);
  await db.run(
    'INSERT INTO enrolment_tokens (id, name, role, secret_hash, expires_at) VALUES (?, ?, ?, ?, ?)',
    token.id,
    token.name,
    token.role,
    token.secretHash,
    token.expiresAt,
  );
}

export async function findToken(db: Database, id: string): Promise<EnrolmentToken | undefined> {
  const row = await db.get<Row>('SELECT * FROM enrolment_tokens WHERE id = ?', id);
  if (row === undefined) return undefined;
  return {
    id: row.id,
    name: row.name,
    role: row.role,
    secretHash: Buffer.from(row.secret_hash),
    expiresAt: row.expires_at,
    ...(row.spent_at === null ? {} : { spentAt: row.spent_at }),
  };
}

/** Changes nothing when somebody was quicker. */
export function spendToken(id: string, at: number): Statement {
  return {
    sql: 'UPDATE enrolment_tokens SET spent_at = ? WHERE id = ? AND spent_at IS NULL',
    values: [at, id],
    mustChange: true,
  };
}
