import { fail } from '../failures.ts';
import type { Database } from './database.ts';

/** Keys are remembered this long, ms. */
const REMEMBERED = 24 * 60 * 60 * 1000;

/**
 * The id for what is to be created: `fresh`, or that of the first creation with this key. A creation with a given id
 * happens at most once, so a repeated request finds what the first one made, or goes on where it broke off.
 */
export async function reserveId(
  db: Database,
  claim: { key: string; operation: string; fingerprint: Buffer; fresh: string; now: number },
): Promise<string> {
  await db.run('DELETE FROM idempotency_keys WHERE created_at < ?', claim.now - REMEMBERED);
  await db.run(
    `INSERT INTO idempotency_keys (key, operation, fingerprint, resource_id, created_at) VALUES (?, ?, ?, ?, ?)
     ON CONFLICT (key) DO NOTHING`,
    claim.key,
    claim.operation,
    claim.fingerprint,
    claim.fresh,
    claim.now,
  );
  const row = await db.get<{ operation: string; fingerprint: Uint8Array; resource_id: string }>(
    'SELECT operation, fingerprint, resource_id FROM idempotency_keys WHERE key = ?',
    claim.key,
  );
  if (row === undefined || row.operation !== claim.operation || !claim.fingerprint.equals(row.fingerprint)) {
    throw fail('idempotency-key-reused', 'This Idempotency-Key belongs to another request.');
  }
  return row.resource_id;
}
