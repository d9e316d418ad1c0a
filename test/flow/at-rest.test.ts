import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { compareTrees } from '@sealift/workloads';
import t from 'tap';
import { Site } from './site.ts';
import { makeToken } from './soft-hsm.ts';

t.jobs = 1;

const COMMAND = fileURLToPath(new URL('../../packages/cli/bin/sealift.mjs', import.meta.url));
const PASSWORD = 'seven grey herons at low tide';
const CANARY = randomBytes(24).toString('hex');

const folder = await mkdtemp(join(tmpdir(), 'sealift-at-rest-'));
const kms = await makeToken(folder);
const site = await Site.open(folder, { kms });
const tree = join(folder, 'tree');
const keyFile = join(folder, 'vault.key');

t.before(async () => {
  await mkdir(tree);
  for (let i = 0; i < 20; i++) await writeFile(join(tree, `file-${i}`), randomBytes(30_000));
  await writeFile(join(tree, `named-${CANARY}`), CANARY);
  await writeFile(join(tree, 'large'), Buffer.concat([randomBytes(600_000), Buffer.from(CANARY)]));
  await writeFile(join(folder, 'password'), `${PASSWORD}\n`, { mode: 0o600 });
  await writeFile(keyFile, `${randomBytes(32).toString('base64')}\n`, { mode: 0o600 });
});
t.teardown(async () => {
  await site[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

function sealift(...argv: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const env = { ...process.env, ...site.environment };
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [COMMAND, ...argv], { env }, (error, stdout, stderr) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, stdout, stderr });
    });
    child.stdin?.end();
  });
}

async function done(t: Tap, ...argv: string[]): Promise<string> {
  const { code, stdout, stderr } = await sealift(...argv);
  t.equal(code, 0, `sealift ${argv.join(' ')}: ${stderr}`);
  return stdout;
}
type Tap = Pick<typeof t, 'equal'>;

async function makeJob(name: string, repository: string): Promise<void> {
  const source = { transporter: 'source', paths: [tree] };
  await site.client.call('createJob', { body: { name, source, repository, encryption: 'in-flight' } });
}

async function backUp(job: string): Promise<string> {
  const { id } = await site.client.call('startRun', { params: { id: job } });
  const run = await site.ended(id);
  if (run.state !== 'done') throw new Error(JSON.stringify(run.failure));
  return run.point as string;
}

async function restore(point: string, to: string): Promise<string> {
  const body = { transporter: 'source', path: join(folder, to) };
  const { id } = await site.client.call('restorePoint', { params: { id: point }, body });
  return (await site.ended(id)).state;
}

async function restart(part: 'target' | 'director'): Promise<void> {
  await site.kill(part);
  await site.start(part);
  await Promise.all([site.connected('target'), site.connected('source')]);
}

async function whenUnlocked(id: string): Promise<void> {
  for (;;) {
    const { encryption } = await site.client.call('getRepository', { params: { id } });
    if (encryption?.locked === false) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

async function holdsCanary(path: string): Promise<boolean> {
  for (const item of await readdir(path, { recursive: true, withFileTypes: true })) {
    if (item.isFile() && (await readFile(join(item.parentPath, item.name))).includes(CANARY)) return true;
  }
  return false;
}

t.test(
  'a repository opened by a password is sealed on disk, unlocked after restarts, and restores identically',
  async (t) => {
    const path = join(folder, 'vault');
    const passwordFile = join(folder, 'password');
    await done(
      t,
      'repository',
      'create',
      'vault',
      '--transporter',
      'target',
      '--path',
      path,
      '--encrypt',
      'password',
      '--password-file',
      passwordFile,
    );
    await makeJob('sealed', 'vault');
    const explained = await site.client.call('explainJob', { params: { id: 'sealed' } });
    t.match(explained, { atRest: 'AES-256, opened by password', summary: /seals it before it is written/ });
    t.match(
      explained.components.find(({ component }) => component === 'repository'),
      { plaintext: 'never' },
    );
    const point = await backUp('sealed');
    t.notOk(await holdsCanary(path), 'nothing readable in the repository');
    await restart('target');
    await whenUnlocked('vault');
    t.equal(await restore(point, 'from-vault'), 'done');
    t.same([...compareTrees(tree, join(folder, 'from-vault', 'tree'))], []);
    await restart('director');
    await whenUnlocked('vault');
  },
);

t.test('keys are added, rotated and removed; the key file alone opens it without Director and network', async (t) => {
  const path = join(folder, 'vault');
  const packs = await readdir(join(path, 'packs'), { recursive: true });
  await done(t, 'repository', 'key', 'add', 'vault', '--key-file', keyFile, '--label', 'safe');
  await done(t, 'repository', 'key', 'add', 'vault', '--kms', '--label', 'token');
  const shown = await done(t, 'repository', 'key', 'list', 'vault');
  for (const label of ['password', 'safe', 'token']) t.match(shown, label);
  const drilled = await site.client.call('drillJob', { params: { id: 'sealed' }, body: { password: PASSWORD } });
  t.match(
    drilled.items.map(({ way, passed }) => [way, passed]),
    [
      ['repository', true],
      ['hash', true],
      ['kms', true],
      ['password', true],
    ],
  );
  const wrongly = await site.client.call('drillJob', { params: { id: 'sealed' }, body: { password: 'no such word' } });
  t.match(wrongly.items.at(-1), { way: 'password', passed: false, failure: { code: 'wrong-repository-key' } });
  await done(t, 'repository', 'key', 'remove', 'vault', 'password');
  t.same(await readdir(join(path, 'packs'), { recursive: true }), packs, 'data is not touched');
  const to = join(folder, 'by-key-file');
  await done(t, 'recover', '--repository', path, '--to', to, '--key-file', keyFile);
  t.same([...compareTrees(tree, join(to, 'tree'))], []);
  const wrong = await sealift(
    'recover',
    '--repository',
    path,
    '--to',
    join(folder, 'no'),
    '--password-file',
    join(folder, 'password'),
  );
  t.equal(wrong.code, 1);
  t.match(wrong.stderr, /opens none|none of the/);
  await restart('target');
  await whenUnlocked('vault');
  t.pass('the token alone unlocks it now');
  await done(t, 'repository', 'key', 'remove', 'vault', 'safe');
  const last = await sealift('repository', 'key', 'remove', 'vault', 'token');
  t.equal(last.code, 1);
  t.match(last.stderr, /last-key-slot/);
});

t.test(
  'a new master key seals everything anew, and a copy of the keys from before opens nothing any more',
  async (t) => {
    const path = join(folder, 'vault');
    const before = join(folder, 'keys-before');
    await done(t, 'repository', 'key', 'add', 'vault', '--key-file', keyFile, '--label', 'leaked');
    await cp(join(path, 'keys'), before, { recursive: true });
    await done(t, 'repository', 'key', 'remove', 'vault', 'leaked');
    const point = await backUp('sealed');
    const run = JSON.parse(await done(t, 'repository', 'key', 'rotate-master', 'vault', '--wait', '--json'));
    t.match(run, { state: 'done', report: { kind: 'rotate-master-key', masterKey: 2, earlier: [] } });
    t.ok(run.report.bytesSealed > 600_000, `${run.report.bytesSealed} bytes sealed anew`);
    t.equal(await restore(point, 'after-rotation'), 'done');
    t.same([...compareTrees(tree, join(folder, 'after-rotation', 'tree'))], []);
    const stolen = join(folder, 'stolen');
    await cp(path, stolen, { recursive: true });
    await rm(join(stolen, 'keys'), { recursive: true });
    await cp(before, join(stolen, 'keys'), { recursive: true });
    const loot = join(folder, 'loot');
    const thief = await sealift('recover', '--repository', stolen, '--to', loot, '--key-file', keyFile);
    t.not(thief.code, 0, thief.stderr);
    t.notOk(await holdsCanary(loot).catch(() => false), 'nothing readable came out');
  },
);

t.test(
  'a repository whose password is kept nowhere waits after a restart, says so, and goes on when it is given',
  async (t) => {
    const path = join(folder, 'asked');
    const passwordFile = join(folder, 'password');
    const how = ['--encrypt', 'password', '--password-file', passwordFile, '--keep', 'never'];
    await done(t, 'repository', 'create', 'asked', '--transporter', 'target', '--path', path, ...how);
    await makeJob('waiting', 'asked');
    await backUp('waiting');
    await restart('target');
    const { id } = await site.client.call('startRun', { params: { id: 'waiting' } });
    const waits = await site.runWhen(id, ({ reason }) => reason?.includes('sealift repository unlock asked') === true);
    t.equal(waits.state, 'queued');
    await writeFile(join(folder, 'wrong'), 'not the right password at all\n');
    const wrong = await sealift('repository', 'unlock', 'asked', '--password-file', join(folder, 'wrong'));
    t.equal(wrong.code, 1);
    t.match(wrong.stderr, /wrong-repository-key/);
    await done(t, 'repository', 'unlock', 'asked', '--password-file', passwordFile);
    t.equal((await site.ended(id)).state, 'done');
    const to = join(folder, 'recovered');
    await done(t, 'recover', '--repository', path, '--to', to, '--password-file', passwordFile);
    t.same([...compareTrees(tree, join(to, 'tree'))], []);
  },
);

t.test(
  'a new key management service takes over the keys of repositories, and the old one is needed no more',
  async (t) => {
    await done(t, 'repository', 'key', 'add', 'asked', '--password-file', join(folder, 'password'), '--label', 'kept');
    site.reconfigure('director', { kms: `file:${join(folder, 'other.key')}`, previousKms: [kms] });
    await restart('director');
    await whenUnlocked('vault');
    t.ok((await site.client.call('getKms', {})).wrapped.other >= 2, 'the slot of the token, and the key that is kept');
    await done(t, 'kms', 'rewrap');
    t.match(await site.client.call('getKms', {}), { provider: 'master-key', wrapped: { other: 0 } });
    site.reconfigure('director', { previousKms: [] });
    await restart('director');
    await restart('target');
    await whenUnlocked('vault');
    await done(t, 'repository', 'unlock', 'vault', '--kept');
    t.match((await site.client.call('getRepository', { params: { id: 'vault' } })).encryption?.slots, [
      { kind: 'kms', label: 'token', kms: { provider: 'master-key' } },
    ]);
  },
);
