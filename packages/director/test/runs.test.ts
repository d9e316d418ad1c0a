import { Failure } from '@sealift/core';
import t from 'tap';
import { PROGRESS, resultOf, ScriptedTransporter } from './support/scripted-transporter.ts';
import { newJob, newMember, openTheatre, runWhen, startRun } from './support/stage.ts';

t.test('a run goes from queued over running to done and leaves a recovery point', async (t) => {
  await using stage = await openTheatre();
  const { client, source } = stage;
  await newJob(stage, 'photos', { compression: 'zstd:7', exclude: ['*.tmp'] });
  const { id } = await startRun(stage, 'photos');
  const task = await source.task(0);
  t.match(task, { taskId: id, runId: id, jobName: 'photos', kind: 'backup', attempt: 1 });
  t.match(task.spec, {
    sources: [Buffer.from('/home/ann')],
    mode: 'in-flight',
    compression: 'zstd:7',
    exclude: ['*.tmp'],
  });
  const peer = await source.connected();
  await peer.call('task.progress', { taskId: id, progress: { ...PROGRESS, files: 2 } });
  t.match(await client.call('getRun', { params: { id } }), { state: 'running', progress: { files: 2 } });
  await source.finish(task);
  const run = await client.call('getRun', { params: { id } });
  t.match(run, { state: 'done', point: id, attempt: 1, warnings: 0 });
  const point = await client.call('getPoint', { params: { id } });
  t.match(point, { job: { name: 'photos' }, repository: { name: 'store' }, source: { name: 'laptop' }, files: 3 });
  t.equal(point.hash, '07'.repeat(32));
});

t.test('a result that is repeated changes nothing', async (t) => {
  await using stage = await openTheatre();
  await newJob(stage, 'photos');
  const { id } = await startRun(stage, 'photos');
  const task = await stage.source.task(0);
  const result = resultOf(task);
  await stage.source.finish(task, result);
  await stage.source.finish(task, result);
  await stage.source.finish(task, { ...result, outcome: 'failed' });
  t.equal((await stage.client.call('getRun', { params: { id } })).state, 'done');
  t.equal((await stage.client.call('listPoints', { query: { job: 'photos' } })).items.length, 1);
});

t.test('a failed run keeps its failure, a run with warnings names what was skipped, each once', async (t) => {
  await using stage = await openTheatre();
  const { client, source } = stage;
  await newJob(stage, 'photos');
  await startRun(stage, 'photos');
  const failure = new Failure('disk-full', 'refused', 'the target is full', { advice: 'make space' }).toJSON();
  await source.finish(await source.task(0), { outcome: 'failed', failure });
  const [failed] = (await client.call('listRuns', { query: { state: 'failed' } })).items;
  t.match(failed, { state: 'failed', failure });
  const { id } = await startRun(stage, 'photos');
  const task = await source.task(1);
  const path = Buffer.from([0x61, 0xff, 0x62]);
  const warnings = [{ path, code: 'unreadable', message: 'may not be read' }];
  const peer = await source.connected();
  await peer.call('task.warning', { taskId: id, warnings });
  await peer.call('task.warning', { taskId: id, warnings });
  await source.finish(task, { outcome: 'warnings', progress: { ...PROGRESS, warnings: 1 } });
  t.match(await client.call('getRun', { params: { id } }), { state: 'warnings', warnings: 1, point: id });
  const told = (await client.call('listWarnings', { params: { id } })).items;
  t.same(told, [
    { path: 'a\ufffdb', pathBytes: path.toString('base64url'), code: 'unreadable', message: 'may not be read' },
  ]);
});

t.test('at most one run of a job is under way and one more waits', async (t) => {
  await using stage = await openTheatre();
  await newJob(stage, 'photos');
  await newJob(stage, 'mail');
  await startRun(stage, 'photos');
  const first = await stage.source.task(0);
  const second = await startRun(stage, 'photos');
  await runWhen(stage, second.id, (run) => run.reason === 'another run of the job photos is under way');
  await t.rejects(startRun(stage, 'photos'), { code: 'run-queued' });
  const other = await startRun(stage, 'mail');
  t.equal((await stage.source.task(1)).runId, other.id, 'another job is not held up');
  await stage.source.finish(first);
  t.equal((await stage.source.task(2)).runId, second.id);
});

t.test('cancelling asks the Transporter, and ends a run at once that waits or whose Transporter is away', async (t) => {
  await using stage = await openTheatre();
  const { client, source } = stage;
  await newJob(stage, 'photos');
  const cancel = (id: string) => client.call('cancelRun', { params: { id } });
  await startRun(stage, 'photos');
  const task = await source.task(0);
  const waiting = await startRun(stage, 'photos');
  t.equal((await cancel(waiting.id)).state, 'cancelled');
  t.equal((await cancel(task.runId)).state, 'running');
  await source.until(() => source.cancelled.includes(task.taskId));
  await source.finish(task, { outcome: 'cancelled' });
  await t.rejects(cancel(task.runId), { code: 'run-ended' });

  const away = await startRun(stage, 'photos');
  await source.task(1);
  await source[Symbol.asyncDispose]();
  await runWhen(stage, away.id, ({ reason }) => reason === 'the Transporter laptop is not connected');
  t.equal((await cancel(away.id)).state, 'cancelled');
  await using back = new ScriptedTransporter(source.member, { held: [{ taskId: away.id, state: 'running' }] });
  await back.until(() => back.cancelled.includes(away.id));
});

t.test('the point of a run that was cancelled too late is recorded', async (t) => {
  await using stage = await openTheatre();
  const { source, client } = stage;
  await newJob(stage, 'photos');
  await startRun(stage, 'photos');
  const task = await source.task(0);
  await client.call('cancelRun', { params: { id: task.runId } });
  await source.finish(task);
  t.match(await client.call('getRun', { params: { id: task.runId } }), { state: 'done', point: task.runId });
});

t.test('a task that the Transporter refuses fails the run; one that it cannot take now waits', async (t) => {
  await using stage = await openTheatre();
  const { source } = stage;
  await newJob(stage, 'photos');
  const refuse = (kind: 'retry' | 'refused') => () => {
    throw new Failure('no-room', kind, 'no room for a task');
  };
  const usual = source.handlers['task.start'];
  source.handlers['task.start'] = refuse('refused');
  const failed = await startRun(stage, 'photos');
  t.match(await runWhen(stage, failed.id, ({ state }) => state === 'failed'), { failure: { code: 'no-room' } });
  source.handlers['task.start'] = refuse('retry');
  const waiting = await startRun(stage, 'photos');
  await runWhen(stage, waiting.id, ({ state, reason }) => state === 'queued' && reason === 'no room for a task');
  if (usual !== undefined) source.handlers['task.start'] = usual;
  t.equal((await source.task(0)).attempt, 1);
});

t.test('a restore is a run of its own at the Transporter it restores to', async (t) => {
  await using stage = await openTheatre();
  const { client, source } = stage;
  await newJob(stage, 'photos');
  await startRun(stage, 'photos');
  const backup = await source.task(0);
  await source.finish(backup);
  await using other = new ScriptedTransporter(await newMember(stage, 'desktop', 'source'));
  await other.connected();
  const body = { transporter: 'desktop', path: '/restored', only: ['*.jpg'], overwrite: 'older' as const };
  const restore = await client.call('restorePoint', { params: { id: backup.runId }, body });
  t.match(restore, { kind: 'restore', transporter: { name: 'desktop' }, restore: { path: '/restored' } });
  const task = await other.task(0);
  t.match(task, { kind: 'restore', spec: { pointId: backup.runId, destination: '/restored', overwrite: 'older' } });
  await other.finish(task);
  await runWhen(stage, restore.id, ({ state }) => state === 'done');
  await t.rejects(
    client.call('restorePoint', { params: { id: backup.runId }, body: { ...body, transporter: 'vault' } }),
    {
      code: 'role-unfit',
    },
  );
});

t.test('a Transporter cannot speak for a task that another was given', async (t) => {
  await using stage = await openTheatre();
  await newJob(stage, 'photos');
  await startRun(stage, 'photos');
  const task = await stage.source.task(0);
  await using other = new ScriptedTransporter(await newMember(stage, 'intruder', 'source'));
  const peer = await other.connected();
  const { taskId } = task;
  await t.rejects(peer.call('task.finished', { taskId, result: resultOf(task) }), { code: 'task-unknown' });
  await t.rejects(peer.call('task.ticket', { taskId }), { code: 'task-unknown' });
  await t.rejects(peer.call('task.progress', { taskId, progress: PROGRESS }), { code: 'task-unknown' });
  const point = { ...resultOf(task).point, id: crypto.randomUUID() } as NonNullable<
    ReturnType<typeof resultOf>['point']
  >;
  await t.rejects(stage.source.finish(task, { point }), { code: 'request-invalid' });
  t.equal((await stage.client.call('getRun', { params: { id: task.runId } })).state, 'running');
});
