/** As in the first: times are ms since 1970, ids UUIDs in text, `*_json` JSON, hashes and wrapped secrets bytes. */
export const MIGRATION_8 = [
  // A job that only stands for one of another Director names the source it had there; it cannot be run.
  `ALTER TABLE jobs ADD COLUMN adopted_source TEXT`,

  // Authorities of other Directors under which points of a repository were made. `given`: by the administrator.
  `CREATE TABLE authorities (
    repository_id TEXT NOT NULL REFERENCES repositories (id),
    fingerprint TEXT NOT NULL,
    certificate TEXT NOT NULL,
    given INTEGER NOT NULL,
    added_at INTEGER NOT NULL,
    PRIMARY KEY (repository_id, fingerprint)
  )`,

  // Descriptors of encryption domains whose passwords may be unknown here.
  `CREATE TABLE descriptors (
    hash BLOB PRIMARY KEY,
    domain_id TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    descriptor BLOB NOT NULL
  )`,
  `CREATE INDEX descriptors_by_domain ON descriptors (domain_id, epoch)`,

  // Files and bytes of a point that another Director had made are unknown: they are told in its sealed part.
  `CREATE TABLE points_8 (
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
    files INTEGER,
    bytes INTEGER,
    explanation_json TEXT,
    authority TEXT,
    descriptor_hash BLOB,
    created_at INTEGER NOT NULL,
    received_at INTEGER,
    locked_until INTEGER,
    hold_json TEXT,
    missing_since INTEGER,
    removed_at INTEGER,
    removed_json TEXT
  )`,
  `INSERT INTO points_8 (id, job_id, repository_id, transporter_id, mode, password_id, domain_id, epoch, runs_hash,
     previous, sequence, hash, files, bytes, explanation_json, created_at, received_at, locked_until, hold_json,
     missing_since, removed_at, removed_json)
   SELECT id, job_id, repository_id, transporter_id, mode, password_id, domain_id, epoch, runs_hash,
     previous, sequence, hash, files, bytes, explanation_json, created_at, received_at, locked_until, hold_json,
     missing_since, removed_at, removed_json
   FROM points`,
  `DROP TABLE points`,
  `ALTER TABLE points_8 RENAME TO points`,
  `CREATE INDEX points_by_job ON points (job_id, created_at)`,
  `CREATE INDEX points_by_repository ON points (repository_id, id)`,

  // What was found when the points a target shows were last compared with those recorded.
  `ALTER TABLE repositories ADD COLUMN comparison_json TEXT`,
];
