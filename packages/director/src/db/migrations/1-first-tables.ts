/** Times are ms since 1970, ids UUIDs in text, `*_json` JSON, hashes and wrapped secrets bytes. */
export const MIGRATION_1 = [
  `CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL)`,

  `CREATE TABLE transporters (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    role TEXT NOT NULL,
    enrolled_at INTEGER NOT NULL,
    key_hash BLOB NOT NULL,
    next_key_hash BLOB,
    certificate_expires_at INTEGER NOT NULL,
    version TEXT,
    data_url TEXT,
    last_seen_at INTEGER
  )`,

  `CREATE TABLE enrolment_tokens (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    secret_hash BLOB NOT NULL,
    expires_at INTEGER NOT NULL,
    spent_at INTEGER
  )`,

  `CREATE TABLE repositories (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    transporter_id TEXT NOT NULL REFERENCES transporters (id),
    path TEXT NOT NULL,
    created_at INTEGER NOT NULL
  )`,

  `CREATE TABLE passwords (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    description TEXT,
    domain_id TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    wrapped_hash BLOB NOT NULL,
    descriptor BLOB NOT NULL,
    created_at INTEGER NOT NULL
  )`,

  `CREATE TABLE jobs (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    transporter_id TEXT NOT NULL REFERENCES transporters (id),
    paths_json TEXT NOT NULL,
    repository_id TEXT NOT NULL REFERENCES repositories (id),
    encryption TEXT NOT NULL,
    password_id TEXT REFERENCES passwords (id),
    compression TEXT NOT NULL,
    exclude_json TEXT NOT NULL,
    created_at INTEGER NOT NULL
  )`,

  `CREATE TABLE points (
    id TEXT PRIMARY KEY,
    job_id TEXT NOT NULL REFERENCES jobs (id),
    repository_id TEXT NOT NULL REFERENCES repositories (id),
    transporter_id TEXT NOT NULL REFERENCES transporters (id),
    mode TEXT NOT NULL,
    password_id TEXT REFERENCES passwords (id),
    sequence INTEGER NOT NULL,
    hash BLOB NOT NULL,
    files INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    created_at INTEGER NOT NULL
  )`,
  `CREATE INDEX points_by_job ON points (job_id, created_at)`,

  `CREATE TABLE runs (
    id TEXT PRIMARY KEY,
    job_id TEXT NOT NULL REFERENCES jobs (id),
    transporter_id TEXT NOT NULL REFERENCES transporters (id),
    kind TEXT NOT NULL,
    state TEXT NOT NULL,
    reason TEXT,
    attempt INTEGER NOT NULL,
    cancel_wanted INTEGER NOT NULL,
    restore_json TEXT,
    created_at INTEGER NOT NULL,
    started_at INTEGER,
    finished_at INTEGER,
    progress_json TEXT,
    failure_json TEXT,
    warnings INTEGER NOT NULL
  )`,
  `CREATE INDEX runs_by_state ON runs (state, created_at)`,
  `CREATE INDEX runs_by_job ON runs (job_id, created_at)`,

  `CREATE TABLE warnings (
    run_id TEXT NOT NULL REFERENCES runs (id),
    number INTEGER NOT NULL,
    path BLOB NOT NULL,
    code TEXT NOT NULL,
    message TEXT NOT NULL,
    PRIMARY KEY (run_id, number),
    UNIQUE (run_id, path, code)
  )`,

  `CREATE TABLE idempotency_keys (
    key TEXT PRIMARY KEY,
    operation TEXT NOT NULL,
    fingerprint BLOB NOT NULL,
    resource_id TEXT NOT NULL,
    created_at INTEGER NOT NULL
  )`,
];
