import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type DomainDescriptor, describeDomain } from '@sealift/crypto';
import { openManifest } from '@sealift/repository';
import type { RunResource } from '@sealift/wire';
import { compareTrees } from '@sealift/workloads';
import t from 'tap';
import { Site } from './site.ts';
import { makeToken } from './soft-hsm.ts';

t.jobs = 1;

const COMMAND = fileURLToPath(new URL('../../packages/cli/bin/sealift.mjs', import.meta.url));
const OLD = 'seven grey herons at low tide';
const NEW = 'nine copper kettles on a raft';

const folder = await mkdtemp(join(tmpdir(), 'sealift-keys-'));
const kms = await makeToken(folder);
const site = await Site.open(folder, { kms });
const tree = join(folder, 'tree');
const store = join(folder, 'store');
let first = '';

t.before(async () => {
  await mkdir(tree);
  for (let i = 0; i < 20; i++) await writeFile(join(tree, `file-${i}`), randomBytes(30_000));
  await site.client.call('createPassword', { body: { name: 'vault', password: OLD } });
  const source = { transporter: 'source', paths: [tree] };
  const body = { name: 'mail', source, repository: 'store', encryption: 'source-side', password: 'vault' } as const;
  await site.client.call('createJob', { body });
});
t.teardown(async () => {
  await site[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

async function backUp(): Promise<string> {
  const { id } = await site.client.call('startRun', { params: { id: 'mail' } });
  const run = await site.ended(id);
  if (run.state !== 'done') throw new Error(JSON.stringify(run.failure));
  return run.point as string;
}

async function restore(point: string, to: string, password?: string): Promise<string> {
  const body = { transporter: 'source', path: join(folder, to) };
  const { id } = await site.client.call('restorePoint', { params: { id: point }, body });
  if (password !== undefined) await site.client.call('giveRunPassword', { params: { id }, body: { password } });
  return (await site.ended(id)).state;
}

interface Ran {
  code: number;
  stdout: string;
  stderr: string;
}

function sealift(argv: string[], input = ''): Promise<Ran> {
  const env = { ...process.env, ...site.environment };
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [COMMAND, ...argv], { env }, (error, stdout, stderr) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, stdout, stderr });
    });
    child.stdin?.end(input);
  });
}

function recover(to: string, password: string, point = 'latest'): Promise<Ran> {
  const argv = ['recover', '--repository', store, '--point', point, '--to', join(folder, to), '--password-file', '-'];
  return sealift(argv, `${password}\n`);
}

t.test(
  'with a token wrapping the hash, the newest point opens by hash, by the token alone, and by the password',
  async (t) => {
    t.match(await site.client.call('getKms', {}), { provider: 'pkcs11', state: 'ready', wrapped: { current: 1 } });
    first = await backUp();
    const { items } = await site.client.call('drillJob', { params: { id: 'mail' }, body: { password: OLD } });
    t.match(items, [
      { way: 'hash', passed: true, files: 16 },
      { way: 'kms', passed: true, files: 16 },
      { way: 'password', passed: true, files: 16 },
    ]);
    t.match(await site.client.call('explainPoint', { params: { id: first } }), { job: { name: 'mail' } });
  },
);

t.test(
  'after a rotation the new password recovers an old point without a Director, and the old one no new point',
  async (t) => {
    await site.client.call('rotatePassword', { params: { id: 'vault' }, body: { password: NEW } });
    await writeFile(join(tree, 'newer'), randomBytes(30_000));
    const second = await backUp();
    for (const [to, password, point] of [
      ['old-by-old', OLD, first],
      ['old-by-new', NEW, first],
      ['new-by-new', NEW, second],
    ] as const) {
      const { code, stderr } = await recover(to, password, point);
      t.equal(code, 0, `${to}: ${stderr}`);
    }
    t.same([...compareTrees(tree, join(folder, 'new-by-new', 'tree'))], []);
    const { code, stderr } = await recover('new-by-old', OLD, second);
    t.equal(code, 1);
    t.match(stderr, /wrong-password/);
    t.equal(await restore(first, 'by-director'), 'done');
  },
);

t.test('while the token is away new runs wait and say why, and go on when it is back', async (t) => {
  const tokens = join(folder, 'tokens');
  await rename(tokens, `${tokens}.away`);
  await site.kill('director');
  await site.start('director');
  await Promise.all([site.connected('source'), site.connected('target')]);
  t.match(await site.client.call('getKms', {}), { state: 'down', reason: /token/ });
  const { id } = await site.client.call('startRun', { params: { id: 'mail' } });
  const waiting = await site.runWhen(id, ({ reason }) => reason?.includes('pkcs11') === true);
  t.equal(waiting.state, 'queued');
  await rename(`${tokens}.away`, tokens);
  t.equal((await site.ended(id)).state, 'done');
});

/** The descriptor as it lies in the repository, for everybody who comes by it. */
async function descriptorOf(point: string): Promise<DomainDescriptor> {
  const { manifest } = openManifest(await readFile(join(store, 'points', point)));
  return describeDomain(manifest.descriptor as Buffer);
}

t.test(
  'once forgotten, nothing here opens it any more: runs, restores and drills ask for the password, with the token there',
  async (t) => {
    const asked = ({ reason }: RunResource) => reason?.includes('password must be given') === true;
    t.equal((await descriptorOf(first)).kmsWraps.length, 1, 'a point from before holds what the token opens');
    const forgotten = await sealift(['password', 'forget', 'vault']);
    t.match(forgotten, { code: 0, stderr: /recovery points made before still hold its hash, wrapped by pkcs11/ });

    const unasked = await sealift(['point', 'ls', first, 'tree']);
    t.match(unasked, { code: 1, stderr: /password-needed/ });
    const listed = await sealift(['point', 'ls', first, 'tree', '--password-file', '-'], `${NEW}\n`);
    t.match(listed, { code: 0, stdout: /tree\/file-7/ });

    const body = { transporter: 'source', path: join(folder, 'by-password') };
    const restoring = await site.client.call('restorePoint', { params: { id: first }, body });
    t.equal((await site.runWhen(restoring.id, asked)).state, 'queued', 'its wrap in the old point is not used');
    await site.client.call('giveRunPassword', { params: { id: restoring.id }, body: { password: NEW } });
    t.equal((await site.ended(restoring.id)).state, 'done');
    t.same(
      [...compareTrees(tree, join(folder, 'by-password', 'tree'))].map(({ path }) => String(path)),
      ['.', 'newer'],
    );

    const { id } = await site.client.call('startRun', { params: { id: 'mail' } });
    t.equal((await site.runWhen(id, asked)).state, 'queued');
    await site.client.call('giveRunPassword', { params: { id }, body: { password: NEW } });
    const made = await site.ended(id);
    t.equal(made.state, 'done');
    t.same((await descriptorOf(made.point as string)).kmsWraps, [], 'new points hold nothing for the token');

    const drill = site.client.call('drillJob', { params: { id: 'mail' }, body: {} });
    await t.rejects(drill, { code: 'password-needed' });
    const { items } = await site.client.call('drillJob', { params: { id: 'mail' }, body: { password: NEW } });
    t.match(items, [{ way: 'password', passed: true }]);
    t.equal(items.length, 1);
  },
);

t.test('a point that its target altered fails its drill, and the restore of it', async (t) => {
  const { items } = await site.client.call('listPoints', { query: { limit: 1 } });
  const point = items[0]?.id as string;
  const copies = ['points', 'spare/points'].map((folder) => join(store, folder, point));
  const bytes = await readFile(join(store, 'points', point));
  const older = await readFile(join(store, 'points', first));
  await site.kill('target');
  for (const copy of copies) await writeFile(copy, older);
  await site.start('target');
  await site.connected('target');
  const drilled = await site.client.call('drillJob', { params: { id: 'mail' }, body: { password: NEW } });
  t.ok(drilled.items.every(({ passed }) => !passed));
  t.match(drilled.items[0]?.failure, { kind: /corrupt|refused/ });
  t.equal(await restore(point, 'altered', NEW), 'failed');
  await site.kill('target');
  for (const copy of copies) await writeFile(copy, bytes);
  await site.start('target');
  await site.connected('target');
  const again = await site.client.call('drillJob', { params: { id: 'mail' }, body: { password: NEW } });
  t.ok(again.items.every(({ passed }) => passed));
});
