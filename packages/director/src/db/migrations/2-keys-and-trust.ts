/** As in the first: times are ms since 1970, ids UUIDs in text, `*_json` JSON, hashes and wrapped secrets bytes. */
export const MIGRATION_2 = [
  // Every password that an encryption password has had. `wrapped_hash` is null where no hash is kept.
  `CREATE TABLE password_epochs (
    domain_id TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    password_id TEXT NOT NULL REFERENCES passwords (id),
    wrapped_hash BLOB,
    provider TEXT,
    key_ref TEXT,
    descriptor BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (domain_id, epoch)
  )`,
  `INSERT INTO password_epochs (domain_id, epoch, password_id, wrapped_hash, provider, key_ref, descriptor, created_at)
   SELECT domain_id, epoch, id, wrapped_hash, 'master-key', '', descriptor, created_at FROM passwords`,
  `ALTER TABLE passwords DROP COLUMN wrapped_hash`,
  `ALTER TABLE passwords DROP COLUMN descriptor`,
  `ALTER TABLE passwords ADD COLUMN keep TEXT NOT NULL DEFAULT 'hash'`,
  `ALTER TABLE passwords ADD COLUMN rotated_at INTEGER`,

  `ALTER TABLE transporters ADD COLUMN revoked_at INTEGER`,
  `CREATE TABLE certificates (
    serial TEXT PRIMARY KEY,
    transporter_id TEXT NOT NULL,
    expires_at INTEGER NOT NULL,
    revoked_at INTEGER
  )`,

  `ALTER TABLE jobs ADD COLUMN quota_bytes INTEGER`,
  // A point outlives its source.
  `CREATE TABLE points_2 (
    id TEXT PRIMARY KEY,
    job_id TEXT NOT NULL REFERENCES jobs (id),
    repository_id TEXT NOT NULL REFERENCES repositories (id),
    transporter_id TEXT NOT NULL,
    mode TEXT NOT NULL,
    password_id TEXT REFERENCES passwords (id),
    domain_id TEXT,
    epoch INTEGER,
    runs_hash BLOB,
    previous BLOB,
    sequence INTEGER NOT NULL,
    hash BLOB NOT NULL,
    files INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    explanation_json TEXT,
    created_at INTEGER NOT NULL
  )`,
  `INSERT INTO points_2 (id, job_id, repository_id, transporter_id, mode, password_id, domain_id, epoch, sequence, hash,
     files, bytes, created_at)
   SELECT points.id, job_id, repository_id, transporter_id, mode, password_id, passwords.domain_id, passwords.epoch,
     sequence, hash, files, bytes, points.created_at
   FROM points LEFT JOIN passwords ON passwords.id = points.password_id`,
  `DROP TABLE points`,
  `ALTER TABLE points_2 RENAME TO points`,
  `CREATE INDEX points_by_job ON points (job_id, created_at)`,

  `CREATE TABLE drills (
    job_id TEXT NOT NULL REFERENCES jobs (id),
    point_id TEXT NOT NULL,
    way TEXT NOT NULL,
    passed INTEGER NOT NULL,
    files INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    failure_json TEXT,
    at INTEGER NOT NULL,
    PRIMARY KEY (job_id, at, way)
  )`,

  `CREATE TABLE alarms (
    number INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    code TEXT NOT NULL,
    alarm_json TEXT NOT NULL
  )`,
];
