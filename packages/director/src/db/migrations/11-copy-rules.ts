/** As in the first: times are ms since 1970, ids UUIDs in text. */
export const MIGRATION_11 = [
  // Points that are to be copied again and again. Jobs: null for all of the repository. The schedule as in `jobs`.
  `CREATE TABLE copy_rules (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    from_id TEXT NOT NULL REFERENCES repositories (id),
    to_id TEXT NOT NULL REFERENCES repositories (id),
    jobs_json TEXT,
    schedule TEXT,
    due_since INTEGER NOT NULL,
    scheduled_at INTEGER NOT NULL,
    keep_json TEXT,
    immutable_days INTEGER,
    retention_at INTEGER,
    late_since INTEGER,
    created_at INTEGER NOT NULL
  )`,
  // How a copy stands at its target, with the columns that `points` has for the original.
  `ALTER TABLE point_copies ADD COLUMN locked_until INTEGER`,
  `ALTER TABLE point_copies ADD COLUMN hold_json TEXT`,
  `ALTER TABLE point_copies ADD COLUMN missing_since INTEGER`,
  `ALTER TABLE point_copies ADD COLUMN removed_at INTEGER`,
  `ALTER TABLE point_copies ADD COLUMN removed_json TEXT`,
  `CREATE INDEX point_copies_repository ON point_copies (repository_id)`,
  // Of a copy: the standing copy or job that it was queued for, if any, and the run that it goes on from.
  `ALTER TABLE runs ADD COLUMN copy_rule_id TEXT`,
  `ALTER TABLE runs ADD COLUMN copy_job_id TEXT`,
  `ALTER TABLE runs ADD COLUMN follows TEXT`,
  `CREATE INDEX runs_copy_rule ON runs (copy_rule_id)`,
  `CREATE INDEX runs_follows ON runs (follows)`,
  // A job that was removed stands for its points. Its name is free again; this is the one that it had.
  `ALTER TABLE jobs ADD COLUMN removed_at INTEGER`,
  `ALTER TABLE jobs ADD COLUMN former_name TEXT`,
];
