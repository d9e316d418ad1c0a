import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import t from 'tap';
import { MIGRATION_1 } from '../src/db/migrations/1-first-tables.ts';
import { MIGRATION_2 } from '../src/db/migrations/2-keys-and-trust.ts';
import { pointById } from '../src/db/points.ts';
import { existingRun } from '../src/db/runs.ts';
import { openSqlite } from '../src/db/sqlite.ts';
import { listWarnings } from '../src/db/warnings.ts';

/** A database as the version before tasks on repositories left it, with a run that had a warning and a point. */
function earlierDatabase(path: string): void {
  using database = new DatabaseSync(path);
  for (const sql of [...MIGRATION_1, ...MIGRATION_2]) database.exec(sql);
  database.exec(`
    CREATE TABLE migrations (number INTEGER PRIMARY KEY, applied_at INTEGER NOT NULL);
    INSERT INTO migrations VALUES (1, 0), (2, 0);
    INSERT INTO transporters (id, name, role, enrolled_at, key_hash, certificate_expires_at)
      VALUES ('t', 'vault', 'target', 0, x'00', 0);
    INSERT INTO repositories VALUES ('r', 'store', 't', '/backups', 0);
    INSERT INTO jobs (id, name, transporter_id, paths_json, repository_id, encryption, compression, exclude_json, created_at)
      VALUES ('j', 'photos', 't', '[]', 'r', 'in-flight', 'auto', '[]', 0);
    INSERT INTO runs (id, job_id, transporter_id, kind, state, attempt, cancel_wanted, created_at, warnings)
      VALUES ('run', 'j', 't', 'backup', 'warnings', 1, 0, 5, 1);
    INSERT INTO points (id, job_id, repository_id, transporter_id, mode, sequence, hash, files, bytes, created_at)
      VALUES ('p', 'j', 'r', 't', 'in-flight', 3, x'0a', 4, 5, 6);
    INSERT INTO warnings VALUES ('run', 0, x'61', 'unreadable', 'may not be read');
  `);
}

t.test('runs, their warnings and points of an earlier version are there after the update', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'sealift-migration-'));
  t.teardown(() => rm(folder, { recursive: true }));
  const path = join(folder, 'director.sqlite');
  earlierDatabase(path);
  for (const opening of ['first', 'second']) {
    await using database = await openSqlite(path);
    const run = await existingRun(database, 'run');
    t.match(run, { kind: 'backup', job: { name: 'photos' }, state: 'warnings', createdAt: 5 }, opening);
    const { items } = await listWarnings(database, 'run', {});
    t.match(items, [{ code: 'unreadable' }], opening);
    const point = await pointById(database, 'p');
    t.match(point, { sequence: 3, hash: Buffer.from([10]), files: 4, bytes: 5, createdAt: 6 }, opening);
    const broken = await database.all('PRAGMA foreign_key_check');
    t.same(broken, [], opening);
  }
});
