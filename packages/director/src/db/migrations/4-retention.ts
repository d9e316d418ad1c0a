/** As in the first: times are ms since 1970, ids UUIDs in text, `*_json` JSON. */
export const MIGRATION_4 = [
  // What the target has told of a point: by its clock. A point that was removed stays as history.
  `ALTER TABLE points ADD COLUMN received_at INTEGER`,
  `ALTER TABLE points ADD COLUMN locked_until INTEGER`,
  `ALTER TABLE points ADD COLUMN hold_json TEXT`,
  `ALTER TABLE points ADD COLUMN missing_since INTEGER`,
  `ALTER TABLE points ADD COLUMN removed_at INTEGER`,
  `ALTER TABLE points ADD COLUMN removed_json TEXT`,

  `ALTER TABLE jobs ADD COLUMN keep_json TEXT`,
  `ALTER TABLE jobs ADD COLUMN immutable_days INTEGER`,
  `ALTER TABLE jobs ADD COLUMN frozen_json TEXT`,
  // The last run that was compared with the history of its job, and when the rule was last applied.
  `ALTER TABLE jobs ADD COLUMN guarded_run TEXT`,
  `ALTER TABLE jobs ADD COLUMN retention_at INTEGER`,

  `ALTER TABLE repositories ADD COLUMN immutable_days INTEGER`,

  `CREATE TABLE deletions (
    id TEXT PRIMARY KEY,
    at INTEGER NOT NULL,
    point_id TEXT NOT NULL,
    job_id TEXT NOT NULL,
    repository_id TEXT NOT NULL,
    deletion_json TEXT NOT NULL
  )`,
  `CREATE INDEX deletions_by_job ON deletions (job_id, at)`,
];
