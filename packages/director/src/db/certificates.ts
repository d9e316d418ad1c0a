import type { Database, Statement } from './database.ts';

/** A certificate that was issued to a Transporter, so that it can be taken back. Serials in upper-case hexadecimal. */
export interface IssuedCertificate {
  serial: string;
  transporterId: string;
  expiresAt: number;
}

/** Records a certificate once; one that was revoked stays so. */
export function addCertificate({ serial, transporterId, expiresAt }: IssuedCertificate): Statement {
  return {
    sql: `INSERT INTO certificates (serial, transporter_id, expires_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`,
    values: [serial, transporterId, expiresAt],
  };
}

export async function isRevoked(db: Database, serial: string): Promise<boolean> {
  const row = await db.get('SELECT 1 FROM certificates WHERE serial = ? AND revoked_at IS NOT NULL', serial);
  return row !== undefined;
}

/** Every certificate of a Transporter, and its keys: nothing it holds now is accepted any more. */
export function revokeAll(transporterId: string, now: number): Statement[] {
  return [
    {
      sql: 'UPDATE certificates SET revoked_at = ? WHERE transporter_id = ? AND revoked_at IS NULL',
      values: [now, transporterId],
    },
    {
      sql: `UPDATE transporters SET revoked_at = coalesce(revoked_at, ?), key_hash = ?, next_key_hash = NULL
        WHERE id = ?`,
      values: [now, Buffer.alloc(32), transporterId],
    },
  ];
}

/** Serials of certificates that were revoked and would otherwise still be valid. Forgets those that have expired. */
export async function revokedSerials(db: Database, now: number): Promise<string[]> {
  await db.run('DELETE FROM certificates WHERE expires_at < ?', now);
  const rows = await db.all<{ serial: string }>(
    'SELECT serial FROM certificates WHERE revoked_at IS NOT NULL ORDER BY serial',
  );
  return rows.map(({ serial }) => serial);
}
