/** As in the first: times are ms since 1970, ids UUIDs in text. */
export const MIGRATION_10 = [
  // Which other repositories hold a recovery point, too, and since when by the clock of their target.
  `CREATE TABLE point_copies (
    point_id TEXT NOT NULL REFERENCES points (id),
    repository_id TEXT NOT NULL REFERENCES repositories (id),
    received_at INTEGER NOT NULL,
    PRIMARY KEY (point_id, repository_id)
  )`,
];
