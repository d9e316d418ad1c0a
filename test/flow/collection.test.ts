import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { Site } from './site.ts';
import { Started } from './up-process.ts';

t.jobs = 1;

const folder = await mkdtemp(join(tmpdir(), 'sealift-collection-'));
const site = await Site.open(folder);
t.teardown(async () => {
  await site[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

const tree = join(folder, 'tree');
const packs = join(folder, 'store', 'packs');
const MIB = 1024 * 1024;

/** Runs one command to its end against the Director of this site. */
async function sealift(...args: string[]) {
  const command = new Started(args, { env: { ...process.env, ...site.environment } });
  const status = await command.end();
  return { status, stdout: command.stdout, stderr: command.stderr };
}

async function storedBytes(): Promise<number> {
  let bytes = 0;
  for (const name of await readdir(packs, { recursive: true })) {
    if (name.endsWith('.pack')) bytes += (await stat(join(packs, name))).size;
  }
  return bytes;
}

async function backUp(film: Buffer): Promise<string> {
  await writeFile(join(tree, 'film'), film);
  const { status, stdout, stderr } = await sealift('job', 'run', 'films', '--wait', '--json');
  if (status !== 0) throw new Error(stderr);
  return JSON.parse(stdout).point;
}

t.before(async () => {
  await mkdir(tree);
  const made = await sealift(
    ...['job', 'create', 'films', '--source', `source:${tree}`],
    ...['--repository', 'store', '--encryption', 'in-flight'],
  );
  if (made.status !== 0) throw new Error(made.stderr);
});

t.test('the space of a removed point comes back, and the other point restores', async (t) => {
  const old = await backUp(randomBytes(5 * MIB));
  const film = randomBytes(3 * MIB);
  const kept = await backUp(film);
  t.ok((await storedBytes()) > 8 * MIB);
  t.equal((await sealift('point', 'remove', old, '--yes')).status, 0);
  const early = await sealift('repository', 'collect', 'store', '--wait', '--json');
  t.equal(early.status, 0, early.stderr);
  t.match(JSON.parse(early.stdout), { kind: 'collect', state: 'done', report: { dryRun: false, bytesFreed: 0 } });
  const dry = await sealift('repository', 'collect', 'store', '--dry-run', '--grace', '0', '--wait', '--json');
  t.match(JSON.parse(dry.stdout).report, { dryRun: true, points: 1, packsDead: 1, next: /leave out --dry-run/ });
  t.ok((await storedBytes()) > 8 * MIB, 'a dry run changes nothing');
  const done = await sealift('repository', 'collect', 'store', '--grace', '0', '--bandwidth', '500', '--wait');
  t.equal(done.status, 0, done.stderr);
  t.match(done.stdout, /freed: +5\.\d MiB\n[\s\S]*packs: +1 deleted, 0 rewritten/);
  const left = await storedBytes();
  t.ok(left > 3 * MIB && left < 4 * MIB, `${left} bytes are left`);
  // The Director asks for the figures after the run has ended.
  while ((await site.client.call('getRepository', { params: { id: 'store' } })).stats?.storedBytes !== left)
    await sleep(50);
  const to = join(folder, 'restored');
  const restored = await sealift('point', 'restore', kept, '--to', `source:${to}`, '--wait');
  t.equal(restored.status, 0, restored.stderr);
  t.ok((await readFile(join(to, 'tree', 'film'))).equals(film));
});

t.test('wrong numbers are refused', async (t) => {
  t.equal((await sealift('repository', 'collect', 'store', '--grace', 'soon')).status, 2);
  t.equal((await sealift('repository', 'collect', 'store', '--bandwidth', '0')).status, 2);
});
