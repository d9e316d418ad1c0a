import type { Wrapped } from '../keys/wrapping.ts';
import type { Database } from './database.ts';

/** The key of one slot of a repository that is encrypted at rest, as far as the Director keeps it. */
export interface KeptSlotKey {
  repositoryId: string;
  slotId: string;
  wrapped: Wrapped;
}

interface Row {
  repository_id: string;
  slot_id: string;
  wrapped_key: Uint8Array;
  provider: string;
  key_ref: string;
}

export async function keepSlotKey(db: Database, { repositoryId, slotId, wrapped }: KeptSlotKey): Promise<void> {
  await db.run(
    `INSERT INTO repository_keys (repository_id, slot_id, wrapped_key, provider, key_ref) VALUES (?, ?, ?, ?, ?)
     ON CONFLICT (repository_id, slot_id) DO UPDATE
     SET wrapped_key = excluded.wrapped_key, provider = excluded.provider, key_ref = excluded.key_ref`,
    repositoryId,
    slotId,
    wrapped.bytes,
    wrapped.provider,
    wrapped.keyRef,
  );
}

export async function slotKeysOf(db: Database, repositoryId: string): Promise<KeptSlotKey[]> {
  const rows = await db.all<Row>('SELECT * FROM repository_keys WHERE repository_id = ?', repositoryId);
  return rows.map(fromRow);
}

export async function forgetSlotKey(db: Database, repositoryId: string, slotId: string): Promise<void> {
  await db.run('DELETE FROM repository_keys WHERE repository_id = ? AND slot_id = ?', repositoryId, slotId);
}

/** Kept keys that another service or key than this one has wrapped. */
export async function slotKeysWrappedByOthers(
  db: Database,
  current: { provider: string; keyRef: string },
): Promise<KeptSlotKey[]> {
  const rows = await db.all<Row>(
    'SELECT * FROM repository_keys WHERE provider <> ? OR key_ref <> ? ORDER BY repository_id, slot_id',
    current.provider,
    current.keyRef,
  );
  return rows.map(fromRow);
}

/** How many kept keys there are. */
export async function countSlotKeys(db: Database): Promise<number> {
  return (await db.get<{ n: number }>('SELECT count(*) AS n FROM repository_keys'))?.n ?? 0;
}

function fromRow(row: Row): KeptSlotKey {
  const wrapped = { bytes: Buffer.from(row.wrapped_key), provider: row.provider, keyRef: row.key_ref };
  return { repositoryId: row.repository_id, slotId: row.slot_id, wrapped };
}
