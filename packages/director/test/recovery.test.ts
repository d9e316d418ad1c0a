import { Failure } from '@sealift/core';
import t from 'tap';
import { startDirector } from '../src/index.ts';
import { spawnDirector } from './support/director-process.ts';
import { type Member, ScriptedTransporter } from './support/scripted-transporter.ts';
import { clientOf, newJob, newMember, openStage, openTheatre, portOf, runWhen, startRun } from './support/stage.ts';

t.test('a run waits, and says why, until its source and its target are connected', async (t) => {
  await using stage = await openTheatre();
  const { source, target } = stage;
  await newJob(stage, 'photos');
  await Promise.all([source[Symbol.asyncDispose](), target[Symbol.asyncDispose]()]);
  const { id } = await startRun(stage, 'photos');
  await runWhen(stage, id, (run) => run.reason === 'the Transporter laptop is not connected');
  await using sourceBack = new ScriptedTransporter(source.member);
  await runWhen(stage, id, (run) => run.reason === 'the target Transporter vault is not connected');
  await using targetBack = new ScriptedTransporter(target.member);
  await targetBack.until(() => targetBack.opened.length > 0);
  await sourceBack.finish(await sourceBack.task(0));
  t.equal((await runWhen(stage, id, ({ state }) => state === 'done')).attempt, 1);
});

t.test('a task that the Transporter has lost is dispatched again, one that it still has is not', async (t) => {
  await using stage = await openTheatre();
  const { source } = stage;
  await newJob(stage, 'photos');
  await newJob(stage, 'mail');
  await startRun(stage, 'photos');
  const lost = await source.task(0);
  await startRun(stage, 'mail');
  const kept = await source.task(1);
  source.held = [{ taskId: kept.taskId, state: 'running' }];
  await source.cut();
  t.match(await source.task(2), { taskId: lost.taskId, attempt: 2 });
  await source.finish(lost);
  await source.finish(kept);
  t.equal(source.started.length, 3);
  t.match(await stage.client.call('getRun', { params: { id: lost.runId } }), { state: 'done', attempt: 2 });
});

t.test('a run that is lost again and again is given up', async (t) => {
  await using stage = await openTheatre();
  const { member } = stage.source;
  await newJob(stage, 'photos');
  const { id } = await startRun(stage, 'photos');
  t.equal((await stage.source.task(0)).attempt, 1);
  for (let attempt = 2; attempt <= 5; attempt++) {
    await using restarted = new ScriptedTransporter(member);
    t.equal((await restarted.task(0)).attempt, attempt);
    await stage.source[Symbol.asyncDispose]();
  }
  await using last = new ScriptedTransporter(member);
  const run = await runWhen(stage, id, ({ state }) => state === 'failed');
  t.match(run, { attempt: 5, failure: { code: 'run-abandoned' } });
  t.same(last.started, []);
});

t.test('a Director that starts again goes on with the runs it had', async (t) => {
  await using stage = await openTheatre();
  const { source } = stage;
  await newJob(stage, 'photos');
  const { id } = await startRun(stage, 'photos');
  const task = await source.task(0);
  await stage.restart();
  await source.until(() => source.hellos === 2);
  await source.finish(task);
  const run = await runWhen(stage, id, ({ state }) => state === 'done');
  t.equal(run.attempt, 1, 'the Transporter had it all the time');
  t.equal(source.started.length, 1);
});

t.test('a repository that its target refuses to open fails the run with that reason', async (t) => {
  await using stage = await openTheatre();
  const { target } = stage;
  await newJob(stage, 'photos');
  const usual = target.handlers['repository.stats'];
  const refuse = () => {
    throw new Failure('format-newer', 'refused', 'written by a newer version');
  };
  Object.assign(target.handlers, { 'repository.open': refuse, 'repository.stats': refuse });
  await target.cut();
  const { id } = await startRun(stage, 'photos');
  const run = await runWhen(stage, id, ({ state }) => state === 'failed');
  t.match(run, { failure: { code: 'format-newer', message: 'written by a newer version' } });
  Object.assign(target.handlers, { 'repository.stats': usual });
  const mended = await startRun(stage, 'photos');
  t.equal((await stage.source.task(0)).runId, mended.id, 'the target serves it now');
});

t.test('only one Director works on a data folder', async (t) => {
  await using stage = await openStage();
  const options = { data: stage.data, host: '127.0.0.1', port: 0, controlPort: 0, logLevel: 'silent' as const };
  await t.rejects(startDirector(options), { code: 'data-in-use', kind: 'refused' });
});

t.test('a Director that is killed in the middle of a run goes on with it after its next start', async (t) => {
  const data = t.testdir();
  const members: Member[] = [];
  const ports = { port: 0, controlPort: 0 };
  let id = '';
  {
    await using process = await spawnDirector(data);
    const { director } = process;
    Object.assign(ports, { port: portOf(director.url), controlPort: portOf(director.controlUrl) });
    using client = await clientOf(director);
    const stage = { client, director };
    members.push(await newMember(stage, 'laptop', 'source'), await newMember(stage, 'vault', 'target'));
    await using source = new ScriptedTransporter(members[0] as Member);
    await using target = new ScriptedTransporter(members[1] as Member);
    await Promise.all([source.connected(), target.connected()]);
    await client.call('createRepository', { body: { name: 'store', transporter: 'vault', path: '/backups' } });
    await newJob(stage, 'photos');
    id = (await startRun(stage, 'photos')).id;
    await source.task(0);
    await process.kill();
  }
  await using process = await spawnDirector(data, ports);
  using client = await clientOf(process.director);
  t.equal((await client.call('getRun', { params: { id } })).state, 'running');
  await using source = new ScriptedTransporter(members[0] as Member);
  await using target = new ScriptedTransporter(members[1] as Member);
  await target.until(() => target.opened.length > 0);
  const again = await source.task(0);
  t.match(again, { taskId: id, attempt: 2 });
  await source.finish(again);
  t.equal((await client.call('getRun', { params: { id } })).state, 'done');
});
