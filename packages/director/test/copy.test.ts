import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { createTaskKeyPair, readTicket } from '@sealift/crypto';
import type { CopyReport, RepairReport, TaskResult } from '@sealift/wire';
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

t.test(
  'more points than one run may copy are copied by further ones, and what was left behind is not tried for ever',
  async (t) => {
    await using stage = await openVault();
    const { client, target, offsite } = stage;
    const made = await withPoints(stage, await backUp(stage), 1030);
    const start = await client.call('startCopy', { params: { id: 'store' }, body: { to: 'offsite' } });
    const first = await target.task(0);
    t.same(first.kind === 'copy' && first.spec.points, made.slice(0, 1024));
    // The oldest is damaged.
    await target.finish(first, resultWith(offsite, made.slice(1, 1024)));
    const second = await target.task(1);
    t.same(second.kind === 'copy' && second.spec, { repositoryId: offsite, points: made.slice(1024) });
    const shown = await client.call('getRun', { params: { id: start.id } });
    t.equal(shown.continuedBy, second.taskId);
    await target.finish(second, resultWith(offsite, made.slice(1024)));
    const last = await runWhen(stage, second.taskId, ({ state }) => state === 'done');
    t.notOk('continuedBy' in last);
    const { id } = await client.call('startCopy', { params: { id: 'store' }, body: { to: 'offsite' } });
    const again = await target.task(2);
    t.same(again.kind === 'copy' && [again.taskId, again.spec.points], [id, made.slice(0, 1)], 'the next copy does');
  },
);

/** As if the job of this point had made so many; their ids, oldest first. */
async function withPoints(stage: Theatre, point: string, count: number): Promise<string[]> {
  const ids = [...Array.from({ length: count - 1 }, () => randomUUID()), point];
  await stage.director.close();
  {
    using database = new DatabaseSync(join(stage.data, 'director.sqlite'));
    const insert = database.prepare(
      `INSERT INTO points (id, job_id, repository_id, transporter_id, mode, domain_id, epoch, sequence, hash, files, bytes,
         created_at) SELECT ?, job_id, repository_id, transporter_id, mode, domain_id, epoch, ?, ?, files, bytes, ?
       FROM points WHERE id = ?`,
    );
    for (const [i, id] of ids.slice(0, -1).entries()) insert.run(id, i, Buffer.alloc(32, i), i, point);
  }
  await stage.restart();
  await Promise.all([stage.source.connected(), stage.target.connected()]);
  return ids;
}

t.test('what a repair reports as lost is copied back from the repository that holds a copy', async (t) => {
  await using stage = await openVault();
  const { client, target, offsite } = stage;
  const [copied, alone] = [await backUp(stage), await backUp(stage)];
  const repository = await client.call('getRepository', { params: { id: 'store' } });
  const peer = await target.connected();
  const first = await client.call('startCopy', { params: { id: 'store' }, body: { to: 'offsite', point: copied } });
  await target.task(0);
  await peer.call('task.finished', { taskId: first.id, result: resultWith(offsite, [copied]) });
  await runWhen(stage, first.id, ({ state }) => state === 'done');

  const repair = async (dryRun: boolean, at: number) => {
    const { id } = await client.call('startRepair', { params: { id: 'store' }, body: { dryRun } });
    await target.task(at);
    const affected = [copied, alone, randomUUID()].map((point) => ({ point, job: randomUUID(), chunks: 2 }));
    const counts = { packsFlawed: 1, packsUnread: 0, chunksSaved: 1, chunksLost: 2, filesMended: 0, filesLeft: 0 };
    const report: RepairReport = {
      kind: 'repair',
      dryRun,
      ...counts,
      steps: [],
      affectedPoints: 3,
      affected,
      next: '',
    };
    await peer.call('task.finished', {
      taskId: id,
      result: { ...resultWith(offsite, []), outcome: 'warnings', report },
    });
    await runWhen(stage, id, ({ state }) => state === 'warnings');
  };
  await repair(true, 1);
  await repair(false, 2);
  const back = await target.task(3);
  const expected = { repositoryId: offsite, kind: 'copy', spec: { repositoryId: repository.id, points: [copied] } };
  t.match(back, expected, 'after the dry run nothing was asked for');
  const ticket = readTicket((await peer.call('task.ticket', { taskId: back.taskId, pointId: copied })).ticket);
  t.match(ticket, { rights: ['copy'], runId: copied, repositoryId: repository.id });
  await peer.call('task.finished', { taskId: back.taskId, result: resultWith(repository.id, [copied]) });
  await runWhen(stage, back.taskId, ({ state }) => state === 'done');
  const { copies } = await client.call('getPoint', { params: { id: copied } });
  t.match(copies, [{ repository: { id: offsite } }]);
  t.equal(copies?.length, 1, 'where it was made it is no copy');
  const body = { to: 'store', point: alone };
  await t.rejects(client.call('startCopy', { params: { id: 'offsite' }, body }), { code: 'not-found' });
});

t.test('the ticket to copy an in-flight point names its zone, and so does that to restore the copy', async (t) => {
  await using stage = await openTheatre();
  const { client, source, target } = stage;
  await newJob(stage, 'photos');
  const { id: store } = await client.call('getRepository', { params: { id: 'store' } });
  const body = { name: 'offsite', transporter: 'vault', path: '/srv/offsite' };
  const { id: offsite } = await client.call('createRepository', { body });
  const point = await backUp(stage);
  const { id: taskId } = await client.call('startCopy', { params: { id: 'store' }, body: { to: 'offsite' } });
  t.match(await target.task(0), { taskId, spec: { points: [point] } });
  const peer = await target.connected();
  const copying = readTicket((await peer.call('task.ticket', { taskId, pointId: point })).ticket);
  t.match(copying, { rights: ['copy'], mode: 'in-flight', repositoryId: offsite, domainId: store });
  await peer.call('task.finished', { taskId, result: resultWith(offsite, [point]) });
  await runWhen(stage, taskId, ({ state }) => state === 'done');
  const where = { transporter: 'laptop', path: '/srv/restored', from: 'offsite' };
  const restore = await client.call('restorePoint', { params: { id: point }, body: where });
  await source.until(() => source.started.some((task) => task.taskId === restore.id));
  const laptop = await source.connected();
  const reading = readTicket((await laptop.call('task.ticket', { taskId: restore.id })).ticket);
  t.match(reading, { rights: ['read'], mode: 'in-flight', repositoryId: offsite, domainId: store });
});
