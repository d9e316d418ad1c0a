import { copyFile, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AdoptionResource, PointResource, RunResource } from '@sealift/wire';
import { compareTrees } from '@sealift/workloads';
import t, { type Test } from 'tap';
import { sealift } from './sealift.ts';
import { Site } from './site.ts';
import { makeToken } from './soft-hsm.ts';
import { backUpAndVanish, makeTree } from './vanished-site.ts';

t.jobs = 1;

const KEPT = 'five quiet barges on the canal';
const NEVER = 'eleven brass lanterns in the fog';
const WRAPPED = 'three tall poplars by the weir';
const SEALED = 'nine slow ferries before dawn';

const folder = await mkdtemp(join(tmpdir(), 'sealift-adopt-'));
const kms = await makeToken(folder);
const tree = join(folder, 'tree');
const [first, second, third] = [join(folder, 'first'), join(folder, 'second'), join(folder, 'third')];
/** Newest point by the name of the job that made it. */
let made = new Map<string, string>();
let site: Site;

t.before(async () => {
  await makeTree(tree);
  const plain = await backUpAndVanish(first, {
    tree,
    jobs: [
      { name: 'plain', runs: 2 },
      { name: 'kept', password: KEPT, runs: 2 },
      { name: 'never', password: NEVER, keep: 'never', runs: 1 },
    ],
  });
  const wrapped = await backUpAndVanish(second, { tree, kms, jobs: [{ name: 'wrapped', password: WRAPPED, runs: 1 }] });
  const sealed = await backUpAndVanish(third, {
    tree,
    kms,
    sealed: { 'by-password': { kind: 'password', password: SEALED }, 'by-kms': { kind: 'kms' } },
    jobs: [
      { name: 'asked', repository: 'by-password', runs: 1 },
      { name: 'unasked', repository: 'by-kms', runs: 1 },
    ],
  });
  made = new Map([...plain, ...wrapped, ...sealed]);
  site = await Site.open(join(folder, 'new'), { kms });
});
t.teardown(async () => {
  await site[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

async function adopt(name: string, path: string, more: string[] = []): Promise<AdoptionResource> {
  const argv = ['repository', 'adopt', name, '--transporter', 'target', '--path', path, '--json'];
  const { code, stdout, stderr } = await sealift([...argv, ...more], { environment: site.environment });
  if (code !== 0) throw new Error(stderr);
  return JSON.parse(stdout);
}

function point(job: string): Promise<PointResource> {
  return site.client.call('getPoint', { params: { id: made.get(job) as string } });
}

function beginRestore(job: string, to: string): Promise<RunResource> {
  const body = { transporter: 'source', path: join(folder, to) };
  return site.client.call('restorePoint', { params: { id: made.get(job) as string }, body });
}

async function restored(t: Test, job: string, password?: string): Promise<void> {
  const { id } = await beginRestore(job, `out-${job}`);
  if (password !== undefined) await site.client.call('giveRunPassword', { params: { id }, body: { password } });
  await restoredBy(t, id, job);
}

async function restoredBy(t: Test, id: string, job: string): Promise<void> {
  const { state, failure } = await site.ended(id);
  t.equal(state, 'done', `${job}: ${JSON.stringify(failure)}`);
  t.same([...compareTrees(tree, join(folder, `out-${job}`, 'tree'))], [], job);
}

t.test('a repository whose Director is gone is taken over under the authority handed over', async (t) => {
  const authority = ['--authority', join(first, 'old-ca.pem')];
  const { repository, added, known, refused, jobs, authorities } = await adopt('old', join(first, 'store'), authority);
  t.match({ added, known, refused }, { added: 5, known: 0, refused: 0 });
  t.match(repository, { name: 'old', stats: { points: 5 } });
  t.same(jobs.map(({ points }) => points).sort(), [1, 2, 2]);
  t.ok(jobs.every(({ name, missing }) => /^adopted-[0-9a-f]{8}$/.test(name) && missing === 0));
  t.match(authorities, [{ given: true, points: 5 }]);
  const listed = await Array.fromAsync(site.client.list('listPoints', {}));
  t.same(listed.map(({ id }) => id).filter((id) => [...made.values()].includes(id)).length, 3);
  t.match(await point('kept'), { mode: 'source-side', sequence: 2, passwordNeeded: true });
  t.match(await point('plain'), { mode: 'in-flight', passwordNeeded: false, files: undefined });
});

t.test('taking it over again changes nothing, and its jobs cannot be run', async (t) => {
  t.match(await adopt('old', join(first, 'store')), { added: 0, known: 5, refused: 0 });
  const { job } = await point('plain');
  await t.rejects(site.client.call('startRun', { params: { id: job.id } }), { code: 'job-adopted' });
  const body = { name: 'other', transporter: 'target', path: join(first, 'store') };
  await t.rejects(site.client.call('adoptRepository', { body }), { code: 'repository-known' });
});

t.test('in-flight points are browsed and restored, identical', async (t) => {
  const query = { path: 'tree/deep' };
  const { items } = await site.client.call('listEntries', { params: { id: made.get('plain') as string }, query });
  t.same(items.map(({ path }) => path).sort(), ['tree/deep/er', 'tree/deep/link']);
  await restored(t, 'plain');
});

t.test('a password that was kept at the old Director, and one that never was, open at the new one', async (t) => {
  await restored(t, 'kept', KEPT);
  await restored(t, 'never', NEVER);
  const argv = ['point', 'ls', made.get('never') as string, 'tree', '--password-file', '-'];
  const { stdout } = await sealift(argv, { input: `${NEVER}\n`, environment: site.environment });
  t.match(stdout, /tree\/file-3/);
});

t.test('a run waits for its password and says so; a wrong password is told apart from damage', async (t) => {
  const { id } = await beginRestore('kept', 'wrong');
  await site.runWhen(id, ({ reason }) => reason?.includes(`sealift run password ${id}`) === true);
  const given = { params: { id }, body: { password: NEVER } };
  await t.rejects(site.client.call('giveRunPassword', given), { code: 'wrong-password' });
  await site.client.call('cancelRun', { params: { id } });
  t.equal((await site.ended(id)).state, 'cancelled');
});

t.test('with the same service no password is needed, and the authority found there is shown and kept', async (t) => {
  const { added, refused, authorities } = await adopt('token', join(second, 'store'));
  t.match({ added, refused }, { added: 1, refused: 0 });
  t.match(authorities, [{ fingerprint: /^[\w-]{43}$/, given: false, points: 1 }]);
  t.match(await point('wrapped'), { passwordNeeded: false, authority: authorities[0]?.fingerprint });
  await restored(t, 'wrapped');
  const { job } = await point('wrapped');
  const { items } = await site.client.call('drillJob', { params: { id: job.id }, body: {} });
  t.match(items, [{ way: 'kms', passed: true }]);
});

t.test(
  'a repository that is encrypted at rest shows its points while it is locked, and opens by its password',
  async (t) => {
    const { repository, added, refused } = await adopt('asked', join(third, 'by-password'));
    t.match({ added, refused }, { added: 1, refused: 0 });
    t.match(repository, {
      stats: { points: 1 },
      encryption: { locked: true, slots: [{ kind: 'password', kept: false }] },
    });
    t.match(await point('asked'), { mode: 'in-flight', repository: { name: 'asked' }, passwordNeeded: false });
    const { environment } = site;
    const locked = await sealift(['repository', 'show', 'asked', '--compare'], { environment });
    t.match(locked, { code: 0, stdout: /locked[\s\S]*password[\s\S]*1 shown, 1 recorded, 0 differences/ });
    const { id } = await beginRestore('asked', 'out-asked');
    await site.runWhen(id, ({ reason }) => reason?.includes('sealift repository unlock asked') === true);
    const wrong = await sealift(['repository', 'unlock', 'asked', '--password-file', '-'], {
      environment,
      input: NEVER,
    });
    t.match(wrong, { code: 1, stderr: /wrong-repository-key/ });
    const right = await sealift(['repository', 'unlock', 'asked', '--password-file', '-'], {
      environment,
      input: SEALED,
    });
    t.equal(right.code, 0, right.stderr);
    await restoredBy(t, id, 'asked');
    t.match((await sealift(['repository', 'show', 'asked'], { environment })).stdout, /^unlocked, master key 1$/m);
  },
);

t.test('one whose key the same service has wrapped is unlocked unasked when it is taken over', async (t) => {
  const { repository, added } = await adopt('unasked', join(third, 'by-kms'));
  t.match({ added, encryption: repository.encryption }, { added: 1, encryption: { locked: false } });
  await restored(t, 'unasked');
});

t.test('a point that is altered after it was taken over is refused', async (t) => {
  const id = made.get('plain') as string;
  const folderOfPoints = join(first, 'store', 'points');
  const other = (await readdir(folderOfPoints)).find((name) => name !== id) as string;
  const bytes = await readFile(join(folderOfPoints, id));
  const spare = join(first, 'store', 'spare', 'points', id);
  for (const copy of [join(folderOfPoints, id), spare]) await copyFile(join(folderOfPoints, other), copy);
  const { state, failure } = await site.ended((await beginRestore('plain', 'altered')).id);
  t.match({ state, failure }, { state: 'failed', failure: { code: /point-damaged|point-substituted/ } });
  for (const copy of [join(folderOfPoints, id), spare]) await writeFile(copy, bytes);
});
