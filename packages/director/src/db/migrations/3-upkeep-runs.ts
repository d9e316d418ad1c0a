/** Runs of tasks on a repository, which have no job. As in the first: times are ms since 1970, ids UUIDs, `*_json` JSON. */
export const MIGRATION_3 = [
  `CREATE TABLE runs_3 (
    id TEXT PRIMARY KEY,
    job_id TEXT REFERENCES jobs (id),
    repository_id TEXT REFERENCES repositories (id),
    transporter_id TEXT NOT NULL REFERENCES transporters (id),
    kind TEXT NOT NULL,
    state TEXT NOT NULL,
    reason TEXT,
    attempt INTEGER NOT NULL,
    cancel_wanted INTEGER NOT NULL,
    restore_json TEXT,
    upkeep_json TEXT,
    created_at INTEGER NOT NULL,
    started_at INTEGER,
    finished_at INTEGER,
    progress_json TEXT,
    failure_json TEXT,
    report_json TEXT,
    warnings INTEGER NOT NULL
  )`,
  `INSERT INTO runs_3 (id, job_id, transporter_id, kind, state, reason, attempt, cancel_wanted, restore_json, created_at,
     started_at, finished_at, progress_json, failure_json, warnings)
   SELECT id, job_id, transporter_id, kind, state, reason, attempt, cancel_wanted, restore_json, created_at,
     started_at, finished_at, progress_json, failure_json, warnings FROM runs`,
  // Warnings refer to runs, so they move first.
  `CREATE TABLE warnings_3 (
    run_id TEXT NOT NULL REFERENCES runs_3 (id),
    number INTEGER NOT NULL,
    path BLOB NOT NULL,
    code TEXT NOT NULL,
    message TEXT NOT NULL,
    PRIMARY KEY (run_id, number),
    UNIQUE (run_id, path, code)
  )`,
  `INSERT INTO warnings_3 (run_id, number, path, code, message) SELECT run_id, number, path, code, message FROM warnings`,
  `DROP TABLE warnings`,
  `DROP TABLE runs`,
  `ALTER TABLE runs_3 RENAME TO runs`,
  `ALTER TABLE warnings_3 RENAME TO warnings`,
  `CREATE INDEX runs_by_state ON runs (state, created_at)`,
  `CREATE INDEX runs_by_job ON runs (job_id, created_at)`,
  `CREATE INDEX runs_by_repository ON runs (repository_id, kind, created_at)`,
];
