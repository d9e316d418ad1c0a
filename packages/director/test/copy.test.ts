import { randomUUID } from 'node:crypto';
import { createTaskKeyPair, readTicket } from '@sealift/crypto';
import type { CopyReport, TaskResult } from '@sealift/wire';
import t from 'tap';
import { PROGRESS, resultOf } from './support/scripted-transporter.ts';
import { newJob, openTheatre, runWhen, startRun, type Theatre } from './support/stage.ts';

async function openVault(): Promise<Theatre & { offsite: string }> {
  const stage = await openTheatre();
  await stage.client.call('createPassword', { body: { name: 'home', password: 'correct horse battery staple' } });
  await newJob(stage, 'photos', { encryption: 'source-side', password: 'home' });
  const body = { name: 'offsite', transporter: 'vault', path: '/srv/offsite' };
  const { id } = await stage.client.call('createRepository', { body });
  return Object.assign(stage, { offsite: id });
}

async function backUp({ client, source }: Theatre): Promise<string> {
  const { id } = await startRun({ client }, 'photos');
  await source.until(() => source.started.some(({ taskId }) => taskId === id));
  const task = source.started.find(({ taskId }) => taskId === id);
  if (task === undefined) throw new Error('no backup');
  await source.finish(task, resultOf(task));
  return id;
}

function resultWith(repositoryId: string, points: string[]): TaskResult {
  const copied = points.map((point) => ({ point, receivedAt: 1_700_000_000_000 }));
  const none = { alreadyThere: 0, left: 0, chunks: 0, bytes: 0, next: 'nothing' };
  const report: CopyReport = { kind: 'copy', repositoryId, copied, ...none };
  const times = { startedAt: Date.now() - 1000, finishedAt: Date.now() };
  return { outcome: 'done', progress: { ...PROGRESS, phase: 'copying' }, report, ...times };
}

t.test(
  'a copy gets tickets for the points it was asked for, no keys, and is believed of these points alone',
  async (t) => {
    await using stage = await openVault();
    const { client, target, source, offsite } = stage;
    const [first, second] = [await backUp(stage), await backUp(stage)];
    const { id: taskId } = await client.call('startCopy', {
      params: { id: 'store' },
      body: { to: 'offsite', point: first },
    });
    t.match(await target.task(0), { taskId, kind: 'copy', spec: { repositoryId: offsite, points: [first] } });
    const peer = await target.connected();
    const ticket = readTicket((await peer.call('task.ticket', { taskId, pointId: first })).ticket);
    const shown = await client.call('getPoint', { params: { id: first } });
    t.match(ticket, {
      rights: ['copy'],
      runId: first,
      repositoryId: offsite,
      jobId: shown.job.id,
      mode: 'source-side',
    });
    t.equal(ticket.pointHash?.toString('hex'), shown.hash);
    t.equal(typeof ticket.domainId, 'string');
    await t.rejects(peer.call('task.ticket', { taskId, pointId: second }), { code: 'not-permitted' });
    await t.rejects(peer.call('task.ticket', { taskId }), { code: 'task-unknown' });
    const { publicKey } = createTaskKeyPair();
    await t.rejects(peer.call('task.keys', { taskId, publicKey }), { code: 'task-unknown' });
    const stranger = await source.connected();
    await t.rejects(stranger.call('task.ticket', { taskId, pointId: first }), { code: 'task-unknown' });
    await peer.call('task.finished', { taskId, result: resultWith(offsite, [first, second]) });
    await runWhen(stage, taskId, ({ state }) => state === 'done');
    await stage.restart();
    const copies = [{ repository: { id: offsite, name: 'offsite' }, receivedAt: '2023-11-14T22:13:20.000Z' }];
    t.same((await stage.client.call('getPoint', { params: { id: first } })).copies, copies);
    t.notOk('copies' in (await stage.client.call('getPoint', { params: { id: second } })));
  },
);

t.test('copies that make no sense are refused', async (t) => {
  await using stage = await openVault();
  const { client } = stage;
  const point = await backUp(stage);
  const copy = (body: { to: string; job?: string; point?: string }) =>
    client.call('startCopy', { params: { id: 'store' }, body });
  await t.rejects(copy({ to: 'store' }), { code: 'request-invalid' });
  await t.rejects(copy({ to: 'nowhere' }), { code: 'not-found' });
  await t.rejects(copy({ to: 'offsite', job: 'photos', point }), { code: 'request-invalid' });
  await t.rejects(copy({ to: 'offsite', point: randomUUID() }), { code: 'not-found' });
  const body = { transporter: 'laptop', path: '/srv/restored', from: 'offsite' };
  await t.rejects(client.call('restorePoint', { params: { id: point }, body }), { code: 'not-found' });
});
