import type { KeySlot } from '@sealift/wire';
import type { Database } from './database.ts';

/** A key slot of a repository that is encrypted at rest, as it was made here or told of first. */
export interface RecordedSlot {
  slotId: string;
  repositoryId: string;
  kind: KeySlot['kind'];
  /** Kind kms: by which service and key its key is wrapped. */
  wrappedBy?: Service;
}

/** A key management service and its key. */
export interface Service {
  provider: string;
  keyRef: string;
}

interface Row {
  slot_id: string;
  repository_id: string;
  kind: KeySlot['kind'];
  provider: string | null;
  key_ref: string | null;
}

/** A slot that is recorded for another repository stays with that one. */
export async function recordSlot(db: Database, repositoryId: string, { slotId, kind, kms }: KeySlot): Promise<void> {
  await db.run(
    `INSERT INTO key_slots (slot_id, repository_id, kind, provider, key_ref) VALUES (?, ?, ?, ?, ?)
     ON CONFLICT (slot_id) DO UPDATE
     SET kind = excluded.kind, provider = excluded.provider, key_ref = excluded.key_ref
     WHERE key_slots.repository_id = excluded.repository_id`,
    slotId,
    repositoryId,
    kind,
    kms?.provider ?? null,
    kms?.keyRef ?? null,
  );
}

export async function forgetSlot(db: Database, repositoryId: string, slotId: string): Promise<void> {
  await db.run('DELETE FROM key_slots WHERE repository_id = ? AND slot_id = ?', repositoryId, slotId);
}

export async function recordedSlots(db: Database, repositoryId: string): Promise<RecordedSlot[]> {
  const rows = await db.all<Row>('SELECT * FROM key_slots WHERE repository_id = ?', repositoryId);
  return rows.map(fromRow);
}

/** For which repository a slot is recorded. */
export async function ownerOfSlot(db: Database, slotId: string): Promise<string | undefined> {
  const row = await db.get<Row>('SELECT * FROM key_slots WHERE slot_id = ?', slotId);
  return row?.repository_id;
}

/** Slots of the repositories here that a key management service opens, by repository. */
export async function kmsSlots(db: Database): Promise<RecordedSlot[]> {
  const rows = await db.all<Row>(
    `SELECT key_slots.* FROM key_slots JOIN repositories ON repositories.id = key_slots.repository_id
     WHERE kind = 'kms' ORDER BY repositories.name, slot_id`,
  );
  return rows.map(fromRow);
}

/** By which services and keys the keys of repositories are wrapped: those kept here, and those of slots. */
export async function slotWrappersInUse(db: Database): Promise<(Service & { keys: number })[]> {
  return await db.all(
    `SELECT provider, key_ref AS keyRef, count(*) AS keys FROM (
       SELECT provider, key_ref FROM repository_keys
       UNION ALL
       SELECT key_slots.provider, key_slots.key_ref
       FROM key_slots JOIN repositories ON repositories.id = key_slots.repository_id WHERE kind = 'kms'
     ) AS wraps GROUP BY provider, key_ref ORDER BY provider, key_ref`,
  );
}

function fromRow({ slot_id: slotId, repository_id: repositoryId, kind, provider, key_ref: keyRef }: Row): RecordedSlot {
  const wrappedBy = provider === null || keyRef === null ? {} : { wrappedBy: { provider, keyRef } };
  return { slotId, repositoryId, kind, ...wrappedBy };
}
