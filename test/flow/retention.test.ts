import { execFile } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { DirectorEvent } from '@sealift/wire';
import { compareTrees } from '@sealift/workloads';
import t from 'tap';
import { Site } from './site.ts';

t.jobs = 1;

const COMMAND = fileURLToPath(new URL('../../packages/cli/bin/sealift.mjs', import.meta.url));
const DAY = 24 * 3_600_000;

const folder = await mkdtemp(join(tmpdir(), 'sealift-retention-'));
const site = await Site.open(folder);
const { client } = site;
const tree = join(folder, 'tree');

t.teardown(async () => {
  await site[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

/** Text that compresses, different for each file and version. */
function text(file: number, version: number): string {
  return Array.from({ length: 4000 }, (_, line) => `file ${file} line ${line} version ${version}\n`).join('');
}

async function writeTree(version: number, files: number[]): Promise<void> {
  for (const i of files) await writeFile(join(tree, `file-${i}`), text(i, version));
}

async function newJob(name: string, more: object = {}): Promise<void> {
  const source = { transporter: 'source', paths: [tree] };
  await client.call('createJob', { body: { name, source, repository: 'store', encryption: 'in-flight', ...more } });
}

async function backUp(job: string): Promise<string> {
  const { id } = await client.call('startRun', { params: { id: job } });
  const run = await site.ended(id);
  if (run.state !== 'done') throw new Error(JSON.stringify(run.failure));
  return id;
}

async function pointsOf(job: string): Promise<string[]> {
  return (await Array.fromAsync(client.list('listPoints', { query: { job } }))).map(({ id }) => id);
}

function sealift(...argv: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    const env = { ...process.env, ...site.environment };
    execFile(process.execPath, [COMMAND, ...argv], { env }, (error, stdout, stderr) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, stdout, stderr });
    });
  });
}

/** The first event that fits, from those that happen after `cause`. */
async function eventAfter(
  wanted: (event: DirectorEvent) => boolean,
  cause: () => Promise<unknown>,
): Promise<DirectorEvent | undefined> {
  const stop = new AbortController();
  const events = client.events(stop.signal);
  const first = events.next();
  await cause();
  for (let next = await first; !next.done; next = await events.next()) {
    if (!wanted(next.value)) continue;
    stop.abort();
    return next.value;
  }
  return undefined;
}

t.before(async () => {
  await mkdir(tree);
  await writeTree(
    1,
    Array.from({ length: 20 }, (_, i) => i),
  );
});

t.test('a rule removes points after a run, with an event and a line in the log; the rest restores', async (t) => {
  await newJob('kept', { keep: { last: 2 } });
  const made: string[] = [];
  for (let version = 2; version < 4; version++) {
    await writeTree(version, [1]);
    made.push(await backUp('kept'));
  }
  await writeTree(4, [1]);
  const isRemoval = (event: DirectorEvent) => event.type === 'point.deletion';
  const event = await eventAfter(isRemoval, async () => made.push(await backUp('kept')));
  t.match(event, { data: { point: made[0], by: 'retention', outcome: 'removed', reason: /last=2/ } });
  t.same(await pointsOf('kept'), [made[2], made[1]]);
  t.match(await client.call('getPoint', { params: { id: made[0] as string } }), { removed: { by: 'retention' } });
  const { items } = await client.call('listDeletions', { query: { job: 'kept' } });
  t.match(items, [{ point: made[0], outcome: 'removed' }]);
  const restore = { transporter: 'source', path: join(folder, 'restored') };
  const { id } = await client.call('restorePoint', { params: { id: made[2] as string }, body: restore });
  t.equal((await site.ended(id)).state, 'done');
  t.same([...compareTrees(tree, join(folder, 'restored', 'tree'))], []);
  const gone = client.call('restorePoint', { params: { id: made[0] as string }, body: restore });
  await t.rejects(gone, { code: 'point-removed' });
  const stored = await readFile(join(folder, 'store', 'removals', '000000000001'));
  t.match(stored.toString('latin1'), /retention: the rule last=2 of job kept/);
});

t.test('the command line previews a rule, refuses one that leaves hardly anything, and removes by hand', async (t) => {
  await newJob('manual');
  const made = [await backUp('manual'), await backUp('manual'), await backUp('manual')];
  const preview = await sealift('job', 'retention', 'manual', '--keep', 'last=2');
  t.match(preview.stdout, new RegExp(`${made[0]} .* remove +nothing keeps it`));
  t.match(preview.stdout, /1 of 3 would go/);
  const refused = await sealift('job', 'update', 'manual', '--keep', 'last=1');
  t.equal(refused.code, 1);
  t.match(refused.stderr, /would remove 2 of 3 .*all but the newest[\s\S]*--yes[\s\S]*retention-unconfirmed/);
  t.match((await sealift('job', 'update', 'manual', '--keep', 'last=0')).stderr, /retention-unconfirmed/);
  t.match((await sealift('job', 'update', 'manual', '--keep', 'dayly=1')).stderr, /'dayly' is none of last, hourly/);
  const [oldest] = made as [string];
  t.match((await sealift('point', 'remove', oldest)).stderr, /not-confirmed/);
  t.equal((await sealift('point', 'remove', oldest, '--reason', 'spare', '--yes')).code, 0);
  t.equal((await sealift('point', 'remove', oldest, '--yes')).code, 0, 'again changes nothing');
  t.equal((await pointsOf('manual')).length, 2);
  t.match((await sealift('point', 'deletions', '--job', 'manual')).stdout, /removed +administrator +spare/);
  const allowed = await sealift('job', 'update', 'manual', '--keep', 'last=1', '--yes');
  t.match(allowed.stdout, /keep: +last=1/);
  t.match((await sealift('job', 'retention', 'manual', '--apply')).stdout, /removed +retention/);
  t.same(await pointsOf('manual'), [made[2]]);
});

t.test('a held point stays until it is released', async (t) => {
  const [point] = (await pointsOf('manual')) as [string];
  t.match((await sealift('point', 'hold', point, '--reason', 'audit')).stdout, /is held: audit/);
  const { code, stderr } = await sealift('point', 'remove', point, '--yes');
  t.equal(code, 1);
  t.match(stderr, /is held: audit[\s\S]*point-held/);
  t.match((await sealift('point', 'list', '--job', 'manual')).stdout, /held: audit/);
  await backUp('manual');
  t.ok((await pointsOf('manual')).includes(point), 'its rule does not remove it either');
  await sealift('point', 'hold', point, '--release');
  await client.call('applyRetention', { params: { id: 'manual' } });
  t.notOk((await pointsOf('manual')).includes(point));
});

t.test('files that are encrypted all at once freeze the removal of the points from before', async (t) => {
  await newJob('attacked', { keep: { last: 3 } });
  for (let version = 10; version < 14; version++) {
    await writeTree(version, [version]);
    await backUp('attacked');
  }
  await client.call('applyRetention', { params: { id: 'attacked' } });
  const before = await pointsOf('attacked');
  t.equal(before.length, 3);
  for (let i = 0; i < 20; i++) await writeFile(join(tree, `file-${i}`), randomBytes(150_000));
  const isAlarm = (event: DirectorEvent) => event.type === 'alarm' && event.data.code === 'ransomware-suspected';
  const event = await eventAfter(isAlarm, () => backUp('attacked'));
  t.match(event, { data: { message: /changed at once; the median of.*does not compress/ } });
  for (let i = 0; i < 3; i++) await backUp('attacked');
  t.match(await client.call('applyRetention', { params: { id: 'attacked' } }), { blocked: /^frozen since/, items: [] });
  const now = new Set(await pointsOf('attacked'));
  t.ok(
    before.every((point) => now.has(point)),
    'what was there before the attack is there',
  );
  const shown = await sealift('job', 'show', 'attacked');
  t.match(shown.stdout, /frozen: +since 20/);
  t.match(shown.stdout, /because: .*does not compress/);
  t.match((await client.call('explainJob', { params: { id: 'attacked' } })).retention, /frozen since/);
  t.match(await metrics(), /sealift_job_frozen\{job="attacked"\} 1/);
  t.equal((await sealift('job', 'unfreeze', 'attacked')).code, 0);
  t.match(await metrics(), /sealift_job_frozen\{job="attacked"\} 0/);
  await client.call('applyRetention', { params: { id: 'attacked' } });
  t.equal((await pointsOf('attacked')).length, 3, 'then the rule goes on');
  t.match(await metrics(), /sealift_deletions_total\{job="attacked",outcome="removed"\} 5/);
});

t.test('a target locks each point of an immutable job at its commit, and refuses whoever asks', async (t) => {
  await newJob('immutable', { immutableDays: 3, keep: { last: 1 } });
  const first = await backUp('immutable');
  await backUp('immutable');
  await client.call('applyRetention', { params: { id: 'immutable' } });
  const point = await client.call('getPoint', { params: { id: first } });
  t.equal(Date.parse(point.lockedUntil as string) - Date.parse(point.receivedAt as string), 3 * DAY);
  t.equal((await pointsOf('immutable')).length, 2, 'the rule waits for the end of the lock');
  const { stderr } = await sealift('point', 'remove', first, '--yes');
  t.match(stderr, /locked until 20[\s\S]*point-locked/);
  t.match((await sealift('point', 'deletions', '--job', 'immutable')).stdout, /refused until 20/);
  t.match((await sealift('point', 'show', first)).stdout, /locked: +until 20/);
  await t.rejects(
    client.call('lockPoint', { params: { id: first }, body: { until: new Date(Date.now() + DAY).toISOString() } }),
    { code: 'lock-refused' },
  );
  await client.call('updateJob', { params: { id: 'immutable' }, body: { immutableDays: 0 } });
  t.match(await client.call('getPoint', { params: { id: first } }), { lockedUntil: point.lockedUntil });
  t.match((await client.call('explainJob', { params: { id: 'immutable' } })).retention, /Kept are last=1/);
});

t.test('the least period of a repository survives its target, and nobody can shorten it', async (t) => {
  const asked = await sealift('repository', 'immutable', 'store', '--days', '2');
  t.match(asked.stderr, /not-confirmed/);
  t.equal((await sealift('repository', 'immutable', 'store', '--days', '2', '--yes')).code, 0);
  await t.rejects(client.call('lockRepository', { params: { id: 'store' }, body: { days: 1 } }), {
    code: 'lock-refused',
    message: /locked for 2 days, not less/,
  });
  await site.kill('target');
  await site.start('target');
  await site.connected('target');
  await newJob('plain');
  const id = await backUp('plain');
  await client.call('applyRetention', { params: { id: 'plain' } });
  const { receivedAt, lockedUntil } = await client.call('getPoint', { params: { id } });
  t.equal(Date.parse(lockedUntil as string) - Date.parse(receivedAt as string), 2 * DAY);
  t.match(await client.call('getRepository', { params: { id: 'store' } }), { immutableDays: 2 });
});

t.test(
  'a point that vanished at the target is an alarm, and nothing is removed while the newest is missing',
  async (t) => {
    const [newest] = (await pointsOf('kept')) as [string];
    await site.kill('target');
    for (const copies of ['points', 'spare/points']) await rm(join(folder, 'store', copies, newest));
    await site.start('target');
    await site.connected('target');
    const isAlarm = (event: DirectorEvent) => event.type === 'alarm' && event.data.code === 'point-missing';
    let applied: unknown;
    const event = await eventAfter(isAlarm, async () => {
      applied = await client.call('applyRetention', { params: { id: 'kept' } });
    });
    t.match(event, { data: { point: newest, job: { name: 'kept' } } });
    t.match(applied, { blocked: /not at the target/, items: [] });
    t.match((await sealift('point', 'list', '--job', 'kept')).stdout, /missing at the target/);
  },
);

t.test('a target whose clock is behind its repository is an alarm, once, and its locks hold', async (t) => {
  const [point] = (await pointsOf('plain')) as [string];
  await site.kill('target');
  await receivedLater(join(folder, 'store', 'references', point), 30 * DAY);
  await site.start('target');
  await site.connected('target');
  const isAlarm = (event: DirectorEvent) => event.type === 'alarm' && event.data.code === 'clock-jumped';
  const ask = () => client.call('applyRetention', { params: { id: 'plain' } });
  const event = await eventAfter(isAlarm, ask);
  t.match(event, { data: { repository: { name: 'store' }, message: /The target of store reports: The clock says/ } });
  await ask();
  t.match(await metrics(), /sealift_alarms_total\{code="clock-jumped"\} 1\n/);
});

/** Changes the time of receipt in the trailer of a reference list (see FORMAT.md). */
async function receivedLater(file: string, by: number): Promise<void> {
  const bytes = await readFile(file);
  const trailer = bytes.subarray(-132);
  trailer.writeBigUInt64BE(trailer.readBigUInt64BE(8) + BigInt(by), 8);
  createHash('sha256').update(trailer.subarray(0, 96)).digest().copy(trailer, 96);
  await writeFile(file, bytes);
}

async function metrics(): Promise<string> {
  const { get } = await import('node:https');
  const ca = await readFile(site.environment.SEALIFT_CA as string);
  return new Promise((resolve, reject) => {
    get(`${site.environment.SEALIFT_URL}/metrics`, { ca }, async (answer) => {
      resolve((await Array.fromAsync(answer)).join(''));
    }).on('error', reject);
  });
}
