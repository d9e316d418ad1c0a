import { cp, mkdir, mkdtemp, readdir, rename, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { compareTrees } from '@sealift/workloads';
import t, { type Test } from 'tap';
import { sealift } from './sealift.ts';
import { Site } from './site.ts';

t.jobs = 1;

const folder = await mkdtemp(join(tmpdir(), 'sealift-moved-'));
const tree = join(folder, 'tree');
const site = await Site.open(folder);
let restores = 0;

t.before(async () => {
  await mkdir(tree);
  await writeFile(join(tree, 'letter'), 'as it was');
  await site.addSecondTarget();
  const source = { transporter: 'source', paths: [tree] };
  await site.client.call('createJob', { body: { name: 'mail', source, repository: 'store', encryption: 'in-flight' } });
  await backUp();
});
t.teardown(async () => {
  await site[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

async function backUp(): Promise<string> {
  await writeFile(join(tree, `file-${restores}`), 'more');
  const { id } = await site.client.call('startRun', { params: { id: 'mail' } });
  const run = await site.ended(id);
  if (run.state !== 'done') throw new Error(JSON.stringify(run.failure));
  return run.point as string;
}

/** A backup after a move goes to where the repository is now, and comes back from there. */
async function goesOn(t: Test): Promise<void> {
  const point = await backUp();
  const path = join(folder, `restored-${restores++}`);
  const body = { transporter: 'source', path };
  const { id } = await site.client.call('restorePoint', { params: { id: point }, body });
  t.match(await site.ended(id), { state: 'done' });
  t.same([...compareTrees(tree, join(path, 'tree'))], []);
}

function move(...options: string[]) {
  return sealift(['repository', 'move', 'store', ...options], { environment: site.environment });
}

t.test('a repository that was moved on its machine is used where it is now', async (t) => {
  await rename(join(folder, 'store'), join(folder, 'moved'));
  t.match(await move('--path', join(folder, 'moved')), { code: 0, stdout: /^store is at target:.*moved\n$/ });
  await goesOn(t);
});

t.test('a place without a repository, and one with another, are refused, and nothing changes', async (t) => {
  const other = { name: 'other', transporter: 'target', path: join(folder, 'other') };
  await site.client.call('createRepository', { body: other });
  t.match(await move('--path', join(folder, 'nowhere')), { code: 1, stderr: /There is no repository/ });
  t.match(await move('--path', other.path), { code: 1, stderr: /holds the repository/ });
  t.match(await site.client.call('getRepository', { params: { id: 'store' } }), { path: join(folder, 'moved') });
  await goesOn(t);
});

t.test('it can be moved to another target, and the former one gives it up', async (t) => {
  const at = join(folder, 'at-second');
  const asked = ['--transporter', 'second-target', '--path', at];
  t.match(await move(...asked), { code: 1 }, 'there is nothing yet');
  await goesOn(t);
  await cp(join(folder, 'moved'), at, { recursive: true });
  t.match(await move(...asked), { code: 1, stderr: /is served by Transporter/ }, 'copied while it was served');
  await goesOn(t);
  await rm(at, { recursive: true });
  await cp(join(folder, 'moved'), at, { recursive: true });
  // As if the copy had been made some minutes ago.
  const [lease] = await readdir(join(at, 'leases'));
  await utimes(join(at, 'leases', lease as string), new Date(), new Date(Date.now() - 120_000));
  await rm(join(folder, 'moved'), { recursive: true });
  t.match(await move(...asked), { code: 0, stdout: /second-target/ });
  await goesOn(t);
});

t.test('an older copy of it is noticed', async (t) => {
  const at = join(folder, 'at-second');
  await cp(at, join(folder, 'older'), { recursive: true });
  const lost = await backUp();
  t.match(await move('--path', join(folder, 'older')), { code: 0 });
  const shown = await sealift(['repository', 'show', 'store', '--compare', '--json'], {
    environment: site.environment,
  });
  t.match(JSON.parse(shown.stdout).comparison, { differences: 1, missing: [{ point: lost }] });
});
