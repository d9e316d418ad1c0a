/** As in the first: ids UUIDs. */
export const MIGRATION_9 = [
  // Which key slot belongs to which repository: what a target tells of slots is believed only of its own. A slot is written
  // down before its target is asked to make it, so its repository may not be there yet. Kind kms: the service and its key.
  `CREATE TABLE key_slots (
    slot_id TEXT PRIMARY KEY,
    repository_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    provider TEXT,
    key_ref TEXT
  )`,
  `CREATE INDEX key_slots_of_repository ON key_slots (repository_id)`,
];
