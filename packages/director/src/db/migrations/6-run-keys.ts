/** As in the first: times are ms since 1970, ids UUIDs in text, hashes and wrapped secrets bytes. */
export const MIGRATION_6 = [
  // Which run key was made for which run, by the public salt: the keys themselves are kept nowhere.
  `CREATE TABLE run_keys (
    run_salt BLOB PRIMARY KEY,
    run_id TEXT NOT NULL,
    password_id TEXT NOT NULL,
    domain_id TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    made_at INTEGER NOT NULL
  )`,
  `CREATE INDEX run_keys_by_run ON run_keys (run_id, made_at)`,
  // The descriptor with the wraps of a key management service. `descriptor` is without, so that these can be forgotten.
  `ALTER TABLE password_epochs ADD COLUMN kms_descriptor BLOB`,
];
