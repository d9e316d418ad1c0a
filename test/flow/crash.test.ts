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

interface Backup {
  site: Site;
  folder: string;
  run: string;
  contents: string;
}

/** A run under way, of which something has arrived. */
async function backupUnderWay(t: Test, encryption: 'in-flight' | 'source-side'): Promise<Backup> {
  const folder = await mkdtemp(join(tmpdir(), 'sealift-crash-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  await mkdir(join(folder, 'photos'));
  const bytes = randomBytes(SIZE);
  await writeFile(join(folder, 'photos', 'film.mov'), bytes);
  const site = await Site.open(folder);
  t.teardown(() => site[Symbol.asyncDispose]());
  const sealing = encryption === 'in-flight' ? {} : { password: 'vault' };
  if (encryption === 'source-side') {
    await site.client.call('createPassword', { body: { name: 'vault', password: 'a b c d e f' } });
  }
  const source = { transporter: 'source', paths: [join(folder, 'photos')] };
  await site.client.call('createJob', {
    body: { name: 'photos', source, repository: 'store', encryption, ...sealing },
  });
  const { id } = await site.client.call('startRun', { params: { id: 'photos' } });
  await site.gate.passed(BEFORE);
  return { site, folder, run: id, contents: digest(bytes) };
}

async function endsWell(t: Test, { site, folder, run, contents }: Backup): Promise<void> {
  const { state, point, failure } = await site.ended(run);
  t.same([state, failure], ['done', undefined]);
  t.ok(site.gate.forwarded < SIZE + UNACKNOWLEDGED, `${site.gate.forwarded} bytes were sent`);
  const points = await Array.fromAsync(site.client.list('listPoints', {}));
  t.same(
    points.map(({ id }) => id),
    [point],
    'there is one recovery point',
  );
  const body = { transporter: 'source', path: join(folder, 'restored') };
  const restore = await site.client.call('restorePoint', { params: { id: point as string }, body });
  t.same((await site.ended(restore.id)).state, 'done');
  t.same(digest(await readFile(join(folder, 'restored', 'photos', 'film.mov'))), contents);
}

t.test('a target that is killed in the middle of a backup does not stop it', async (t) => {
  const backup = await backupUnderWay(t, 'in-flight');
  await backup.site.kill('target');
  t.same(await Array.fromAsync(backup.site.client.list('listPoints', {})), [], 'no half-made point is visible');
  await backup.site.start('target');
  await endsWell(t, backup);
});

t.test('a source that is killed in the middle of a backup takes it up again', async (t) => {
  const backup = await backupUnderWay(t, 'source-side');
  await backup.site.kill('source');
  await backup.site.start('source');
  await endsWell(t, backup);
});

t.test('a backup survives that its connection is gone for a while', async (t) => {
  const backup = await backupUnderWay(t, 'source-side');
  backup.site.gate.shut();
  await new Promise((resolve) => setTimeout(resolve, 3000));
  backup.site.gate.reopen();
  await endsWell(t, backup);
});

function digest(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}
