import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { addDrill, jobsToDrill } from '../src/db/drills.ts';
import { addJob } from '../src/db/jobs.ts';
import { openSqlite } from '../src/db/sqlite.ts';

t.test('jobs that have a point are due for a drill until there was one, the longest undone first', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'sealift-drills-'));
  t.teardown(() => rm(folder, { recursive: true }));
  await using db = await openSqlite(join(folder, 'director.sqlite'));
  await db.run(`INSERT INTO transporters (id, name, role, enrolled_at, key_hash, certificate_expires_at)
    VALUES ('t', 'vault', 'target', 0, x'00', 0)`);
  await db.run(`INSERT INTO repositories (id, name, transporter_id, path, created_at) VALUES ('r', 's', 't', '/b', 0)`);
  const where = { transporterId: 't', repositoryId: 'r', paths: [], exclude: [], reading: {}, createdAt: 5 };
  for (const id of ['never', 'early', 'late', 'without', 'gone']) {
    await addJob(db, { ...where, id, name: `job-${id}`, encryption: 'in-flight', compression: 'auto' });
    if (id === 'without') continue;
    await db.run(
      `INSERT INTO points (id, job_id, repository_id, transporter_id, mode, sequence, hash, created_at)
       VALUES (?, ?, 'r', 't', 'in-flight', 1, x'00', 6)`,
      randomUUID(),
      id,
    );
  }
  await db.run(`UPDATE jobs SET removed_at = 7 WHERE id = 'gone'`);
  const drill = { pointId: randomUUID(), way: 'repository', passed: true, files: 1, bytes: 1 } as const;
  await addDrill(db, 'early', { ...drill, at: 50 });
  await addDrill(db, 'late', { ...drill, at: 60 });
  t.same(await jobsToDrill(db, 100), ['never', 'early', 'late']);
  t.same(await jobsToDrill(db, 55), ['never', 'early']);
});
