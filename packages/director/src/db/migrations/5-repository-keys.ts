/** As in the first: times are ms since 1970, ids UUIDs. */
export const MIGRATION_5 = [
  // What opens a slot of a repository that is encrypted at rest, as far as this Director keeps it.
  `CREATE TABLE repository_keys (
    repository_id TEXT NOT NULL REFERENCES repositories (id),
    slot_id TEXT NOT NULL,
    wrapped_key BLOB NOT NULL,
    provider TEXT NOT NULL,
    key_ref TEXT NOT NULL,
    PRIMARY KEY (repository_id, slot_id)
  )`,
];
