import { execFileSync, spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { compareTrees } from '@sealift/workloads';
import t from 'tap';
import { Site } from './site.ts';

t.jobs = 1;

const folder = await mkdtemp(join(tmpdir(), 'sealift-read-only-'));
const store = join(folder, 'store');
const tree = join(folder, 'tree');
const site = await Site.open(folder);
let point = '';

t.before(async () => {
  await mkdir(tree);
  await writeFile(join(tree, 'letter'), 'as it was');
  const source = { transporter: 'source', paths: [tree] };
  await site.client.call('createJob', { body: { name: 'mail', source, repository: 'store', encryption: 'in-flight' } });
  const run = await backUp();
  point = run.point as string;
  await site.kill('target');
  execFileSync('mount', ['--bind', store, store]);
  execFileSync('mount', ['-o', 'remount,ro,bind', store]);
  await site.start('target');
  await site.connected('target');
});
t.teardown(async () => {
  await site[Symbol.asyncDispose]();
  spawnSync('umount', [store]);
  await rm(folder, { recursive: true, force: true });
});

async function backUp() {
  const { id } = await site.client.call('startRun', { params: { id: 'mail' } });
  return await site.ended(id);
}

t.test('what is in a repository on a disk that is read-only is restored', async (t) => {
  const body = { transporter: 'source', path: join(folder, 'restored') };
  const { id } = await site.client.call('restorePoint', { params: { id: point }, body });
  t.match(await site.ended(id), { state: 'done' });
  t.same([...compareTrees(tree, join(folder, 'restored', 'tree'))], []);
});

t.test('it is verified there', async (t) => {
  const { id } = await site.client.call('startVerification', { params: { id: 'store' }, body: {} });
  t.match(await site.ended(id), { state: 'done' });
});

t.test('a backup to it is refused, and says what helps', async (t) => {
  const { state, failure } = await backUp();
  t.equal(state, 'failed');
  t.match(failure, { code: 'opened-read-only', message: /is open for reading only/, advice: /filesystem writable/ });
});
