import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { cp, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { get } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { Alarm } from '@sealift/wire';
import t from 'tap';
import { sealift } from './sealift.ts';
import { Site } from './site.ts';

t.jobs = 1;

const folder = await mkdtemp(join(tmpdir(), 'sealift-rollback-'));
const site = await Site.open(folder);
const store = join(folder, 'store');
const tree = join(folder, 'tree');
const points: string[] = [];

t.before(async () => {
  await mkdir(tree);
  const source = { transporter: 'source', paths: [tree] };
  await site.client.call('createJob', { body: { name: 'mail', source, repository: 'store', encryption: 'in-flight' } });
  await backUp();
  await backUp();
});
t.teardown(async () => {
  await site[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

async function backUp(): Promise<string> {
  await writeFile(join(tree, `file-${points.length}`), randomBytes(30_000));
  const { id } = await site.client.call('startRun', { params: { id: 'mail' } });
  const run = await site.ended(id);
  if (run.state !== 'done') throw new Error(JSON.stringify(run.failure));
  points.push(run.point as string);
  return run.point as string;
}

/** The first alarm of this code that comes once `since` was begun. */
async function alarm(code: string, since: () => Promise<unknown>): Promise<Alarm> {
  const stop = new AbortController();
  const events = site.client.events(stop.signal);
  const first = events.next();
  // Nothing is asked of the events before they are listened to.
  await new Promise((resolve) => setTimeout(resolve, 200));
  await since();
  for (let next = await first; !next.done; next = await events.next()) {
    if (next.value.type === 'alarm' && next.value.data.code === code) {
      stop.abort();
      return next.value.data;
    }
  }
  throw new Error('the events have ended');
}

/** Does something to the repository while its target is down. */
async function whileDown(work: () => Promise<unknown>): Promise<void> {
  await site.kill('target');
  await work();
  await site.start('target');
  await site.connected('target');
}

function compare(): Promise<{ code: number; stdout: string }> {
  return sealift(['repository', 'show', 'store', '--compare', '--json'], { environment: site.environment });
}

async function metrics(): Promise<string> {
  const ca = await readFile(site.environment.SEALIFT_CA as string, 'utf8');
  const request = get(`${site.environment.SEALIFT_URL}/metrics`, { ca, checkServerIdentity: () => undefined });
  const [response] = await once(request, 'response');
  return await text(response);
}

t.test('a target that shows what was recorded raises no alarm', async (t) => {
  const { code, stdout } = await compare();
  t.equal(code, 0);
  t.match(JSON.parse(stdout).comparison, { shown: 2, recorded: 2, differences: 0 });
});

t.test('a repository that is put back from a copy is noticed when it is opened: the lost point is named', async (t) => {
  await cp(store, join(folder, 'copy'), { recursive: true });
  const lost = await backUp();
  const raised = await alarm('points-differ', () =>
    whileDown(async () => {
      await rename(store, join(folder, 'rolled-back'));
      await cp(join(folder, 'copy'), store, { recursive: true });
    }),
  );
  t.match(raised, { point: lost, repository: { name: 'store' }, message: new RegExp(`1 missing: ${lost}`) });
  t.match(raised.advice, /run their jobs again/);
  const { code, stdout } = await compare();
  t.equal(code, 3);
  t.match(JSON.parse(stdout).comparison, { differences: 1, missing: [{ point: lost, sequence: 3 }] });
  const shown = await metrics();
  t.match(shown, /sealift_repository_point_differences{repository="store"} 1/);
  t.match(shown, /sealift_alarms_total{code="points-differ"} 1/, 'the same finding is an alarm once');
});

t.test('the next backup after that is done, and an alarm says that its chain is broken', async (t) => {
  const lost = points.at(-1);
  const raised = await alarm('chain-broken', backUp);
  t.match(raised, { point: points.at(-1), message: new RegExp(`${lost}, but its target showed`) });
});

t.test('a target that keeps the file of a point back is noticed, and one that gives it back', async (t) => {
  const held = points[0] as string;
  const [file, away] = [join(store, 'points', held), join(folder, 'held')];
  await rm(join(store, 'spare', 'points', held));
  const raised = await alarm('points-differ', () => whileDown(() => rename(file, away)));
  t.match(raised.message, new RegExp(`2 missing: .*${held} \\(number 1`));
  await whileDown(() => rename(away, file));
  const { stdout } = await compare();
  t.match(JSON.parse(stdout).comparison, { differences: 1, missing: [{ point: points[2] }] });
});
