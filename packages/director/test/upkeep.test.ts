import { readFile } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { get } from 'node:https';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { text } from 'node:stream/consumers';
import { Failure } from '@sealift/core';
import type { Progress, RepairReport, RunResource, TaskResult, UpkeepReport, VerifyReport } from '@sealift/wire';
import t from 'tap';
import { PROGRESS } from './support/scripted-transporter.ts';
import { newJob, openTheatre, runWhen, type Stage, startRun } from './support/stage.ts';

const REPORT: VerifyReport = {
  kind: 'verify',
  packs: 7,
  packsRead: 7,
  chunksRead: 90,
  bytesRead: 4000,
  points: 2,
  idsProven: 60,
  idsSealed: 30,
  verifiedSince: 1_700_000_000_000,
  damagedFiles: 1,
  damagedChunks: 2,
  missingChunks: 0,
  damage: [{ file: 'packs/00/x.pack', code: 'chunk-damaged', message: 'its checksum does not hold' }],
  affectedPoints: 1,
  affected: [{ point: '0198c3f2-7d4e-7a11-9c55-0242ac120002', job: '0198c3f2-7d4e-7a11-9c55-0242ac120003', chunks: 3 }],
  next: 'repair it',
};
const UPKEEP_PROGRESS: Progress = {
  ...PROGRESS,
  phase: 'verifying',
  upkeep: { packs: 3, chunks: 40, points: 0, damaged: 0, bytesFreed: 0 },
};

function resultWith(report: UpkeepReport): TaskResult {
  const times = { startedAt: Date.now() - 1000, finishedAt: Date.now() };
  return { outcome: 'warnings', progress: { ...UPKEEP_PROGRESS, warnings: 1 }, report, ...times };
}

function verify({ client }: Pick<Stage, 'client'>, body: object = {}): Promise<RunResource> {
  return client.call('startVerification', { params: { id: 'store' }, body });
}

t.test('a verification goes to the target of its repository and its report stays with the run', async (t) => {
  await using stage = await openTheatre();
  const { client, target, source } = stage;
  const { id } = await verify(stage, { percent: 5 });
  const task = await target.task(0);
  const expected = { taskId: id, runId: id, repositoryName: 'store', kind: 'verify', spec: { percent: 5 }, attempt: 1 };
  t.match(task, expected);
  const peer = await target.connected();
  await peer.call('task.progress', { taskId: id, progress: UPKEEP_PROGRESS });
  const running = await client.call('getRun', { params: { id } });
  t.match(running, { state: 'running', kind: 'verify', repository: { name: 'store' }, transporter: { name: 'vault' } });
  t.match(running.progress, { phase: 'verifying', upkeep: { packs: 3 } });
  t.notOk('job' in running);
  await peer.call('task.finished', { taskId: id, result: resultWith(REPORT) });
  await stage.restart();
  const ended = await stage.client.call('getRun', { params: { id } });
  t.match(ended, { state: 'warnings', warnings: 1 });
  t.same(ended.report, REPORT);
  await newJob(stage, 'photos');
  await startRun(stage, 'photos');
  await source.task(0);
  const listed = (await stage.client.call('listRuns', { query: { repository: 'store' } })).items;
  t.same(
    listed.map((run) => run.id),
    [id],
  );
});

t.test('one verification of a repository is under way and one more waits, and jobs do not wait for it', async (t) => {
  await using stage = await openTheatre();
  await newJob(stage, 'photos');
  const first = await verify(stage);
  await stage.target.task(0);
  const second = await verify(stage);
  const why = 'another task on the repository store is under way';
  await runWhen(stage, second.id, (run) => run.reason === why);
  await t.rejects(verify(stage), { code: 'run-queued' });
  await startRun(stage, 'photos');
  await stage.source.task(0);
  await stage.client.call('cancelRun', { params: { id: second.id } });
  t.equal((await stage.client.call('getRun', { params: { id: second.id } })).state, 'cancelled');
  await stage.client.call('cancelRun', { params: { id: first.id } });
  await stage.target.until(() => stage.target.cancelled.includes(first.id));
});

t.test('a repair waits for the verification of its repository, and has a report of its own', async (t) => {
  await using stage = await openTheatre();
  const { client, target } = stage;
  const { id: first } = await verify(stage);
  await target.task(0);
  const repair = await client.call('startRepair', { params: { id: 'store' }, body: { dryRun: true } });
  await runWhen(stage, repair.id, ({ reason }) => reason === 'another task on the repository store is under way');
  const peer = await target.connected();
  await peer.call('task.finished', { taskId: first, result: resultWith(REPORT) });
  t.match(await target.task(1), { taskId: repair.id, kind: 'repair', spec: { dryRun: true } });
  const counts = { packsFlawed: 1, packsUnread: 0, chunksSaved: 6, chunksLost: 1, filesMended: 0, filesLeft: 0 };
  const found = { dryRun: true, steps: [{ file: 'packs/x', message: 'saved' }], affectedPoints: 0, affected: [] };
  const report: RepairReport = { kind: 'repair', ...counts, ...found, next: 'verify' };
  await t.rejects(peer.call('task.finished', { taskId: repair.id, result: resultWith(REPORT) }), {
    code: 'request-invalid',
  });
  const progress: Progress = { ...UPKEEP_PROGRESS, phase: 'repairing' };
  await peer.call('task.finished', { taskId: repair.id, result: { ...resultWith(report), progress } });
  t.same((await client.call('getRun', { params: { id: repair.id } })).report, report);
});

t.test('it waits for its target, and for the repository to be open', async (t) => {
  await using stage = await openTheatre();
  await stage.target[Symbol.asyncDispose]();
  const run = await verify(stage);
  const waiting = await runWhen(stage, run.id, ({ reason }) => reason !== undefined);
  t.match(waiting, { state: 'queued', reason: /vault is not connected/ });
});

t.test(
  'a target that has lost the task is given it again, one that was restarted with the result hands it in',
  async (t) => {
    await using stage = await openTheatre();
    const { target, client } = stage;
    const { id } = await verify(stage);
    await target.task(0);
    target.held = [];
    await target.cut();
    t.match(await target.task(1), { taskId: id, attempt: 2 });
    await stage.restart();
    const peer = await target.connected();
    await peer.call('task.finished', { taskId: id, result: resultWith(REPORT) });
    t.match(await stage.client.call('getRun', { params: { id } }), { state: 'warnings', attempt: 2 });
    t.ok(client);
  },
);

t.test('a result that does not fit its task is refused', async (t) => {
  await using stage = await openTheatre();
  await newJob(stage, 'photos');
  const verification = await verify(stage);
  await stage.target.task(0);
  const backup = await startRun(stage, 'photos');
  await stage.source.task(0);
  const [target, source] = await Promise.all([stage.target.connected(), stage.source.connected()]);
  const point = { id: verification.id, hash: Buffer.alloc(32), sequence: 1, createdAt: 1, files: 1, bytes: 1 };
  const withPoint: TaskResult = { ...resultWith(REPORT), point: { ...point, mode: 'in-flight' } };
  await t.rejects(target.call('task.finished', { taskId: verification.id, result: withPoint }), {
    code: 'request-invalid',
  });
  await t.rejects(source.call('task.finished', { taskId: backup.id, result: resultWith(REPORT) }), {
    code: 'request-invalid',
  });
  await t.rejects(target.call('task.ticket', { taskId: verification.id }), { code: 'task-unknown' });
});

t.test('a target that refuses for now has its run wait, one that refuses for good ends it', async (t) => {
  await using stage = await openTheatre();
  const answers = [new Failure('too-many-tasks', 'retry', 'busy'), new Failure('role-unfit', 'refused', 'not mine')];
  stage.target.handlers['task.start'] = () => {
    throw answers.shift() ?? new Failure('role-unfit', 'refused', 'not mine');
  };
  const run = await verify(stage);
  const ended = await runWhen(stage, run.id, ({ state }) => state === 'failed');
  t.match(ended, { failure: { code: 'role-unfit' }, attempt: 1 });
});

t.test('events tell of it by its repository', async (t) => {
  await using stage = await openTheatre();
  const events = stage.client.events(AbortSignal.timeout(20_000));
  const first = events.next();
  const { id } = await verify(stage);
  await stage.target.task(0);
  await first;
  const peer = await stage.target.connected();
  await peer.call('task.progress', { taskId: id, progress: UPKEEP_PROGRESS });
  for await (const event of events) {
    if (event.type !== 'run.progress') continue;
    t.match(event.data, { run: id, repository: { name: 'store' }, progress: { phase: 'verifying' } });
    break;
  }
});

t.test('damage is an alarm and in the metrics until a verification finds it gone', async (t) => {
  await using stage = await openTheatre();
  const { target, client } = stage;
  const peer = await target.connected();
  const events = client.events(AbortSignal.timeout(20_000));
  const first = events.next();
  const { id } = await verify(stage);
  await target.task(0);
  await first;
  await peer.call('task.finished', { taskId: id, result: resultWith(REPORT) });
  for await (const event of events) {
    if (event.type !== 'alarm') continue;
    t.match(event.data, { code: 'repository-damaged', repository: { name: 'store' }, advice: 'repair it' });
    t.match(event.data.message, /1 of its files .* 2 chunks are lost, 1 recovery points need them/);
    break;
  }
  const metrics = await metricsOf(stage);
  t.match(metrics, /sealift_repository_damaged_chunks\{repository="store"\} 2/);
  t.match(metrics, /sealift_repository_last_verified_timestamp_seconds\{repository="store"\} 1700000000\n/);
  t.match(metrics, /sealift_repository_runs_total\{repository="store",kind="verify",result="warnings"\} 1/);
  const again = await verify(stage);
  await target.task(1);
  const clean = { ...REPORT, damagedFiles: 0, damagedChunks: 0, affectedPoints: 0, damage: [], affected: [] };
  await peer.call('task.finished', { taskId: again.id, result: resultWith(clean) });
  t.match(await metricsOf(stage), /sealift_repository_damaged_chunks\{repository="store"\} 0/);
});

t.test('a share of each repository is verified once a day', async (t) => {
  await using stage = await openTheatre();
  const { target } = stage;
  const runs = async () => (await stage.client.call('listRuns', { query: { repository: 'store' } })).items;
  await stage.restart();
  t.same(await runs(), [], 'a new one is left alone for a day');
  await stage.director.close();
  setBack(stage, 'repositories', 2);
  await stage.restart({ verifyWithin: 7, collectInterval: 0 });
  t.match(await target.task(0), { kind: 'verify', spec: { withinDays: 7 } });
  await stage.restart();
  t.equal((await runs()).length, 1, 'not again on the same day');
  const [run] = await runs();
  const peer = await target.connected();
  await peer.call('task.finished', { taskId: run?.id as string, result: resultWith(REPORT) });
  await stage.director.close();
  setBack(stage, 'runs', 1.1);
  await stage.restart();
  await target.task(1);
  t.equal((await runs()).length, 2, 'but on the next');
});

t.test('what was removed is collected once a day', async (t) => {
  await using stage = await openTheatre();
  await stage.director.close();
  setBack(stage, 'repositories', 2);
  await stage.restart({ verifyWithin: 0, collectInterval: 24 });
  t.match(await stage.target.task(0), { kind: 'collect', spec: { dryRun: false } });
  await stage.restart();
  const { items } = await stage.client.call('listRuns', { query: { repository: 'store' } });
  t.same(
    items.map(({ kind }) => kind),
    ['collect'],
    'not again on the same day',
  );
});

async function metricsOf({ director }: Stage): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const ca = await readFile(director.authorityFile, 'utf8');
  get(`${director.url}/metrics`, { ca }, resolve).on('error', reject);
  return await text(await promise);
}

/** Makes everything in a table older by so many days. */
function setBack({ data }: Stage, table: 'repositories' | 'runs', days: number): void {
  using database = new DatabaseSync(join(data, 'director.sqlite'));
  database.exec(`UPDATE ${table} SET created_at = created_at - ${days * 24 * 60 * 60 * 1000}`);
}
