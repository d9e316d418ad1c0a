import type { Database, Statement } from './database.ts';

/** The authority of another Director, under which points of a repository were made. */
export interface KnownAuthority {
  /** SHA-256 of its public key, base64url. */
  fingerprint: string;
  /** PEM. */
  certificate: string;
  /** By the administrator; else found in the repository at the first adoption. */
  given: boolean;
}

export function addAuthority(repositoryId: string, { fingerprint, certificate, given }: KnownAuthority): Statement {
  return {
    sql: `INSERT INTO authorities (repository_id, fingerprint, certificate, given, added_at) VALUES (?, ?, ?, ?, ?)
      ON CONFLICT (repository_id, fingerprint) DO UPDATE SET given = CASE WHEN excluded.given = 1 THEN 1 ELSE authorities.given END`,
    values: [repositoryId, fingerprint, certificate, Number(given), Date.now()],
  };
}

export async function authoritiesOf(db: Database, repositoryId: string): Promise<KnownAuthority[]> {
  const rows = await db.all<{ fingerprint: string; certificate: string; given: number }>(
    'SELECT fingerprint, certificate, given FROM authorities WHERE repository_id = ? ORDER BY fingerprint',
    repositoryId,
  );
  return rows.map((row) => ({ ...row, given: row.given === 1 }));
}
