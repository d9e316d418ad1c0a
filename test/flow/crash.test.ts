import { createHash, randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { Site } from './site.ts';

t.jobs = 1;

const MIB = 1024 * 1024;
const SIZE = 96 * MIB;
/** Let through before something happens: so much is on its way or stored by then, and much is still to come. */
const BEFORE = 24 * MIB;
/** What may be sent twice: the source's window and what was in the sockets, and a little for headers and questions. */
const UNACKNOWLEDGED = 40 * MIB;

const folder = await mkdtemp(join(tmpdir(), 'sealift-crash-'));
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
  /** What the gate had let through before this run. */
  forwarded: number;
}

/** A run under way, of which something has arrived. */
async function backupUnderWay(job: string, encryption: 'in-flight' | 'source-side'): Promise<Backup> {
  const path = join(folder, job);
  const bytes = randomBytes(SIZE);
  await mkdir(path);
  await writeFile(join(path, 'film.mov'), bytes);
  const sealing = encryption === 'in-flight' ? {} : { password: 'vault' };
  const source = { transporter: 'source', paths: [path] };
  await site.client.call('createJob', { body: { name: job, source, repository: 'store', encryption, ...sealing } });
  const { forwarded } = site.gate;
  const { id } = await site.client.call('startRun', { params: { id: job } });
  await site.gate.passed(BEFORE);
  return { job, run: id, contents: digest(bytes), forwarded };
}

function pointsOf(job: string) {
  return Array.fromAsync(site.client.list('listPoints', { query: { job } }), ({ id }) => id);
}

async function endsWell(t: Test, { job, run, contents, forwarded }: Backup): Promise<void> {
  const { state, point, failure } = await site.ended(run);
  t.same([state, failure], ['done', undefined]);
  const sent = site.gate.forwarded - forwarded;
  t.ok(sent < SIZE + UNACKNOWLEDGED, `nothing acknowledged was sent again: ${sent} bytes in all`);
  t.same(await pointsOf(job), [point], 'there is one recovery point');
  const destination = join(folder, `${job}-restored`);
  const body = { transporter: 'source', path: destination };
  const restore = await site.client.call('restorePoint', { params: { id: point as string }, body });
  t.same((await site.ended(restore.id)).state, 'done');
  t.same(digest(await readFile(join(destination, job, 'film.mov'))), contents);
}

t.test('a target that is killed in the middle of a backup does not stop it', async (t) => {
  const backup = await backupUnderWay('target-killed', 'in-flight');
  await site.kill('target');
  t.same(await pointsOf(backup.job), [], 'no half-made point is visible');
  await site.start('target');
  await endsWell(t, backup);
});

t.test('a source that is killed in the middle of a backup takes it up again', async (t) => {
  const backup = await backupUnderWay('source-killed', 'source-side');
  await site.kill('source');
  await site.start('source');
  await endsWell(t, backup);
});

t.test('a backup survives that its connection is gone for ten seconds', async (t) => {
  const backup = await backupUnderWay('connection-cut', 'source-side');
  site.gate.shut();
  await new Promise((resolve) => setTimeout(resolve, 10_000));
  site.gate.reopen();
  await endsWell(t, backup);
  const { progress } = await site.client.call('getRun', { params: { id: backup.run } });
  t.ok(progress?.reconnects, 'the run tells that it had to connect again');
});

function digest(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}
