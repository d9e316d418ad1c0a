import { createTaskKeyPair, openPointKeys, readTicket } from '@sealift/crypto';
import { type Alarm, taskKeysContext } from '@sealift/wire';
import t from 'tap';
import { explain } from '../src/explain/explanation.ts';
import { resultOf, type ScriptedTransporter } from './support/scripted-transporter.ts';
import { newJob, openTheatre, startRun, type Theatre } from './support/stage.ts';

const RUN = { runSalt: Buffer.alloc(32, 4), epoch: 1 };
const PASSWORD = 'correct horse battery staple';

async function backUp({ source, ...stage }: Theatre, number: number, point: object = {}) {
  const { id } = await startRun({ client: stage.client }, 'photos');
  const task = await source.task(number);
  const made = resultOf(task).point;
  const runs = [RUN];
  stage.target.pointRuns.set(id, { hash: Buffer.alloc(32, 7), runs, missing: 0 });
  await source.finish(task, made === undefined ? {} : { point: { ...made, ...point } });
  return { id, task };
}

/** Collects alarms until there is one of this code. */
async function alarm({ client }: Theatre, code: string, since: () => Promise<unknown>): Promise<Alarm> {
  const stop = new AbortController();
  const events = client.events(stop.signal);
  const first = events.next();
  await since();
  for (let next = await first; !next.done; next = await events.next()) {
    if (next.value.type === 'alarm' && next.value.data.code === code) {
      stop.abort();
      return next.value.data;
    }
  }
  throw new Error('the events have ended');
}

const CASES = [
  { encryption: 'in-flight' },
  { encryption: 'source-side', keep: 'hash' },
  { encryption: 'source-side', keep: 'never' },
] as const;

for (const how of CASES) {
  const keep = 'keep' in how ? how.keep : undefined;
  t.test(`an explanation promises no more than ${how.encryption} encryption keeps, hash kept: ${keep}`, async (t) => {
    const parties = { source: 'berlin', target: 'vault', repository: 'main', kms: 'pkcs11' };
    const told = explain({ job: { id: 'j', name: 'mail' }, ...parties, ...how });
    const of = (component: string) => told.components.find((part) => part.component === component);
    const atTarget = how.encryption === 'in-flight' ? 'always' : 'never';
    const plaintext = ['network', 'target', 'repository', 'director'].map((name) => of(name)?.plaintext);
    t.same(plaintext, ['never', atTarget, atTarget, 'never']);
    t.equal(of('kms') !== undefined, keep === 'hash');
    const thief = { hash: /all data of the domain/, never: /Its database: nothing/, none: /holds no data/ };
    t.match(of('director')?.thief, thief[keep ?? 'none']);
    for (const { keys, thief, why } of told.components) {
      t.ok(thief.length > 10 && why.length > 10);
      t.ok(keys.every(({ key, from, until }) => [key, from, until].every((text) => text !== '')));
    }
  });
}

t.test(
  'the explanation goes to the source with the task, and is kept with the recovery point as it was then',
  async (t) => {
    await using stage = await openTheatre();
    const { client } = stage;
    await client.call('createPassword', { body: { name: 'home', password: PASSWORD } });
    await newJob(stage, 'photos', { encryption: 'source-side', password: 'home' });
    const before = await client.call('explainJob', { params: { id: 'photos' } });
    const { id, task } = await backUp(stage, 0);
    t.same(JSON.parse(task.kind === 'backup' ? (task.spec.explanation ?? '') : ''), before);
    await client.call('forgetPassword', { params: { id: 'home' } });
    t.not((await client.call('explainJob', { params: { id: 'photos' } })).summary, before.summary);
    t.same(await client.call('explainPoint', { params: { id } }), before);
  },
);

t.test('a recovery point that does not follow the one before is an alarm', async (t) => {
  await using stage = await openTheatre();
  const { client } = stage;
  await newJob(stage, 'photos');
  const first = Buffer.alloc(32, 1);
  await backUp(stage, 0, { hash: first, sequence: 1 });
  const { id } = await backUp(stage, 1, { hash: Buffer.alloc(32, 2), sequence: 2, previous: first });
  const told = await alarm(stage, 'chain-broken', () =>
    backUp(stage, 2, { hash: Buffer.alloc(32, 3), sequence: 2, previous: first }),
  );
  t.match(told, { job: { name: 'photos' }, message: new RegExp(id) });
  const metrics = await fetchMetrics(stage);
  t.match(metrics, /sealift_alarms_total\{code="chain-broken"\} 1/, 'one that follows is none');
  t.equal((await client.call('listPoints', {})).items.length, 3, 'it is recorded all the same');
});

t.test('a restore names the hash that was recorded, and a quota goes into the ticket', async (t) => {
  await using stage = await openTheatre();
  const { client, source } = stage;
  await newJob(stage, 'photos', { quotaBytes: 12_345 });
  const hash = Buffer.alloc(32, 9);
  await startRun(stage, 'photos');
  const task = await source.task(0);
  const peer = await source.connected();
  t.equal(readTicket((await peer.call('task.ticket', { taskId: task.taskId })).ticket).byteQuota, 12_345);
  const made = resultOf(task).point;
  await source.finish(task, made === undefined ? {} : { point: { ...made, hash } });
  await client.call('restorePoint', { params: { id: task.runId }, body: { transporter: 'laptop', path: '/r' } });
  t.match((await source.task(1)).spec, { hash });
});

/** Asks for keys as a Transporter that opens a sample does. */
async function askLike(source: ScriptedTransporter, taskId: string): Promise<void> {
  const pair = createTaskKeyPair();
  const peer = await source.connected();
  const { sealed } = await peer.call('point.keys', { taskId, publicKey: pair.publicKey, runs: [RUN] });
  openPointKeys(pair, sealed, taskKeysContext(taskId, 'read'));
}

t.test('a key drill tries each way by itself, is remembered, and a way that fails is an alarm', async (t) => {
  await using stage = await openTheatre();
  const { client, source } = stage;
  await client.call('createPassword', { body: { name: 'home', password: PASSWORD } });
  await newJob(stage, 'photos', { encryption: 'source-side', password: 'home' });
  const drill = (password?: string) =>
    client.call('drillJob', { params: { id: 'photos' }, body: password === undefined ? {} : { password } });
  await t.rejects(drill(), { code: 'not-found' }, 'no point yet');
  await backUp(stage, 0);
  source.handlers['point.sample'] = async ({ taskId, files }) => {
    await askLike(source, taskId);
    return { files, chunks: files, bytes: 1000 };
  };
  t.match((await drill()).items, [{ way: 'hash', passed: true, files: 16 }]);
  t.match((await drill(PASSWORD)).items, [
    { way: 'hash', passed: true },
    { way: 'password', passed: true },
  ]);
  await t.rejects(drill('not the password at all'), { code: 'wrong-password' });
  await client.call('forgetPassword', { params: { id: 'home' } });
  await t.rejects(drill(), { code: 'password-needed' }, 'no way is kept any more');
  t.match((await drill(PASSWORD)).items, [{ way: 'password', passed: true }]);

  source.handlers['point.sample'] = async () => {
    throw Object.assign(new Error('it was changed'), { code: 'EIO' });
  };
  const told = await alarm(stage, 'key-drill-failed', () => drill(PASSWORD));
  t.match(told, { job: { name: 'photos' } });
  const { items } = await client.call('listDrills', { params: { id: 'photos' } });
  t.equal(items[0]?.passed, false);
  t.equal(items.length, 5);
  const metrics = await fetchMetrics(stage);
  t.match(metrics, /sealift_key_drill_success\{job="photos",way="password"\} 0/);
  t.match(metrics, /sealift_key_drill_success\{job="photos",way="hash"\} 1/);
});

async function fetchMetrics(stage: Theatre): Promise<string> {
  const { request } = await import('node:https');
  const { readFile } = await import('node:fs/promises');
  const ca = await readFile(stage.director.authorityFile, 'utf8');
  return new Promise((resolve, reject) => {
    request(new URL('/metrics', stage.director.url), { ca, checkServerIdentity: () => undefined }, (answer) => {
      let text = '';
      answer.on('data', (part) => {
        text += part;
      });
      answer.on('end', () => resolve(text));
    })
      .on('error', reject)
      .end();
  });
}
