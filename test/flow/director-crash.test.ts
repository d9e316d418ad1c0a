import { createHash, randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { Site } from './site.ts';

t.jobs = 1;

const MIB = 1024 * 1024;
const SIZE = 64 * MIB;

const folder = await mkdtemp(join(tmpdir(), 'sealift-director-'));
const site = await Site.open(folder);
await site.client.call('createPassword', { body: { name: 'vault', password: 'seven grey herons at low tide' } });
t.teardown(async () => {
  await site[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

interface Backup {
  job: string;
  run: string;
  contents: string;
}

async function startBackup(job: string, encryption: 'in-flight' | 'source-side'): Promise<Backup> {
  const path = join(folder, job);
  const bytes = randomBytes(SIZE);
  await mkdir(path);
  await writeFile(join(path, 'film.mov'), bytes);
  const sealing = encryption === 'in-flight' ? {} : { password: 'vault' };
  const source = { transporter: 'source', paths: [path] };
  await site.client.call('createJob', { body: { name: job, source, repository: 'store', encryption, ...sealing } });
  const { id } = await site.client.call('startRun', { params: { id: job } });
  return { job, run: id, contents: digest(bytes) };
}

/** Ids of the points of a job, and of its runs: as the Director has them. */
async function recorded(job: string) {
  return {
    points: await Array.fromAsync(site.client.list('listPoints', { query: { job } }), ({ id }) => id),
    runs: await Array.fromAsync(site.client.list('listRuns', { query: { job } }), ({ id }) => id),
  };
}

async function endsWell(t: Test, { job, run, contents }: Backup): Promise<void> {
  const { state, point, failure } = await site.ended(run);
  t.same([state, failure], ['done', undefined]);
  t.same(await recorded(job), { points: [point], runs: [run] }, 'one run, and its point recorded once');
  t.ok((await pointsInStore()).includes(point as string));
  const destination = join(folder, `${job}-restored`);
  const body = { transporter: 'source', path: destination };
  const restore = await site.client.call('restorePoint', { params: { id: point as string }, body });
  t.same((await site.ended(restore.id)).state, 'done');
  t.same(digest(await readFile(join(destination, job, 'film.mov'))), contents);
}

function pointsInStore(): Promise<string[]> {
  return readdir(join(folder, 'store', 'points'));
}

for (const encryption of ['in-flight', 'source-side'] as const) {
  t.test(`a Director that is killed in the middle of a backup records it all the same, ${encryption}`, async (t) => {
    const backup = await startBackup(`middle-${encryption}`, encryption);
    await site.gate.passed(SIZE / 4);
    await site.kill('director');
    await site.start('director');
    t.same((await recorded(backup.job)).points, [], 'no half-made point is visible');
    await endsWell(t, backup);
  });
}

t.test('a Director that is away while a backup is committed records it when it is back', async (t) => {
  const before = (await pointsInStore()).length;
  const backup = await startBackup('committed', 'in-flight');
  await site.gate.passed(SIZE / 4);
  await site.kill('director');
  while ((await pointsInStore()).length === before) await new Promise((resolve) => setTimeout(resolve, 50));
  await site.start('director');
  await endsWell(t, backup);
  t.equal((await pointsInStore()).length, before + 1, 'nothing was committed twice');
});

function digest(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}
