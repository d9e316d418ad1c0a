import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, open, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { Site } from './site.ts';
import { Started } from './up-process.ts';

t.jobs = 1;

const folder = await mkdtemp(join(tmpdir(), 'sealift-verification-'));
const site = await Site.open(folder);
t.teardown(async () => {
  await site[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

const tree = join(folder, 'tree');
const packs = join(folder, 'store', 'packs');
const film = randomBytes(6 * 1024 * 1024);

/** Runs one command to its end against the Director of this site. */
async function sealift(...args: string[]) {
  const command = new Started(args, { env: { ...process.env, ...site.environment } });
  const status = await command.end();
  return { status, stdout: command.stdout, stderr: command.stderr };
}

async function largestPack(): Promise<string> {
  const names = (await readdir(packs, { recursive: true })).filter((name) => name.endsWith('.pack'));
  const sizes = await Promise.all(names.map(async (name) => (await stat(join(packs, name))).size));
  return names[sizes.indexOf(Math.max(...sizes))] as string;
}

async function flipByte(path: string, offset: number): Promise<void> {
  await using file = await open(path, 'r+');
  const byte = Buffer.alloc(1);
  await file.read(byte, 0, 1, offset);
  byte.writeUInt8(byte.readUInt8() ^ 1);
  await file.write(byte, 0, 1, offset);
}

async function runJob(): Promise<string> {
  const { status, stdout, stderr } = await sealift('job', 'run', 'films', '--wait', '--json');
  if (status !== 0) throw new Error(stderr);
  return JSON.parse(stdout).point;
}

t.before(async () => {
  await mkdir(tree);
  await writeFile(join(tree, 'film'), film);
  await writeFile(join(tree, 'note'), 'a few words');
  const place = `source:${tree}`;
  const made = await sealift(
    ...['job', 'create', 'films', '--source', place, '--repository', 'store', '--encryption', 'in-flight'],
  );
  if (made.status !== 0) throw new Error(made.stderr);
  await runJob();
});

t.test('a whole repository passes, and the run shows what was read', async (t) => {
  const { status, stdout, stderr } = await sealift('repository', 'verify', 'store', '--wait', '--json');
  t.equal(status, 0, stderr);
  const run = JSON.parse(stdout);
  t.match(run, { kind: 'verify', state: 'done', repository: { name: 'store' } });
  t.match(run.report, { packs: 1, packsRead: 1, points: 1, damagedFiles: 0, idsSealed: 0, next: /whole/ });
  t.equal(run.report.idsProven, run.report.chunksRead, 'every id was made again');
  const listed = await sealift('run', 'list', '--repository', 'store');
  t.match(listed.stdout, new RegExp(`${run.id} +store +verify +done`));
});

t.test('a damaged chunk is named with its pack and the recovery point it belongs to, with exit status 3', async (t) => {
  const name = await largestPack();
  await flipByte(join(packs, name), 1024 * 1024);
  const { status, stdout, stderr } = await sealift('repository', 'verify', 'store', '--wait');
  t.equal(status, 3, stderr);
  const [point] = (await site.client.call('listPoints', {})).items;
  t.match(stderr, new RegExp(`warning: packs/${name}: .*chunk [0-9a-f]{64} is damaged`));
  t.match(stderr, new RegExp(`recovery point ${point?.id} of job`));
  t.match(stdout, /lost chunks: +1\n[\s\S]*next: .*repository repair/);
});

t.test(
  'repair tells first what it would do; then the next run sends what is lost and the old point comes back',
  async (t) => {
    const before = (await readdir(packs, { recursive: true })).sort();
    const [point] = (await site.client.call('listPoints', {})).items;
    const dry = await sealift('repository', 'repair', 'store', '--wait');
    t.equal(dry.status, 3, dry.stderr);
    t.match(dry.stdout, /nothing was changed[\s\S]*lost chunks: +1\n[\s\S]*next: .*--apply/);
    t.same((await readdir(packs, { recursive: true })).sort(), before);

    const done = await sealift('repository', 'repair', 'store', '--apply', '--wait', '--json');
    t.equal(done.status, 3, done.stderr);
    t.match(JSON.parse(done.stdout).report, { dryRun: false, packsFlawed: 1, chunksLost: 1, affectedPoints: 1 });
    t.match(done.stderr, new RegExp(`points/${point?.id}: It refers to lost chunks`));
    const missing = await sealift('repository', 'verify', 'store', '--wait', '--json');
    t.match(JSON.parse(missing.stdout).report, { damagedFiles: 0, missingChunks: 1, affectedPoints: 1 });

    await runJob();
    const clean = await sealift('repository', 'verify', 'store', '--wait', '--json');
    t.equal(clean.status, 0, clean.stderr);
    t.match(JSON.parse(clean.stdout).report, { damagedFiles: 0, missingChunks: 0, affectedPoints: 0, points: 2 });
    const to = join(folder, 'restored');
    const restored = await sealift('point', 'restore', point?.id as string, '--to', `source:${to}`, '--wait');
    t.equal(restored.status, 0, restored.stderr);
    t.ok((await readFile(join(to, 'tree', 'film'))).equals(film));
  },
);

t.test('wrong shares are refused', async (t) => {
  t.equal((await sealift('repository', 'verify', 'store', '--percent', 'half')).status, 2);
  const refused = await sealift('repository', 'verify', 'store', '--percent', '101');
  t.equal(refused.status, 1);
  t.match(refused.stderr, /request-invalid/);
});
