export const MIGRATION_13 = [
  // How the sources of a job are read, where that differs from what is done without being asked.
  `ALTER TABLE jobs ADD COLUMN reading_json TEXT NOT NULL DEFAULT '{}'`,
];
