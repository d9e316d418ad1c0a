import { readFile } from 'node:fs/promises';
import { get } from 'node:https';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { Failure } from '@sealift/core';
import { readTicket } from '@sealift/crypto';
import t from 'tap';
import { DAY, openPlay, type Play, resultWith, runCopy, standing } from './support/copy-play.ts';
import { runWhen } from './support/stage.ts';

t.test('only what the rule would keep is copied, by the time at which the originals were received', async (t) => {
  await using play = await openPlay({ keep: { daily: 2 } });
  const made: string[] = [];
  for (const days of [9, 3, 2.01, 2, 0]) made.push(await play.backUp(days));
  const id = await runCopy(play);
  t.same(await play.copy(id), [made[3], made[4]]);
  t.match(await play.client.call('getRun', { params: { id } }), { standingCopy: { name: 'nightly' } });
  const preview = await play.client.call('previewCopyRetention', { params: { id: 'nightly' }, body: { keep: null } });
  t.match(preview.items, [{ job: { name: 'photos' }, waiting: made.slice(0, 3) }]);
  t.same(await play.copy(await runCopy(play)), [], 'and nothing the next time');
});

t.test('its rule removes copies at their target, and leaves the originals and what removal has left', async (t) => {
  await using play = await openPlay();
  const made: string[] = [];
  for (const days of [5, 4, 3, 2, 1]) made.push(await play.backUp(days));
  await play.copy(await runCopy(play));
  const [first, second, third] = made as [string, string, string];
  await play.client.call('holdPoint', { params: { id: first }, query: { from: 'offsite' }, body: { reason: 'audit' } });
  Object.assign(play.shelves.find(play.offsite, second), { lockedUntil: Date.now() + DAY });
  await play.client.call('updateCopy', { params: { id: 'nightly' }, body: { keep: { last: 2 } } });
  const preview = await play.client.call('previewCopyRetention', { params: { id: 'nightly' }, body: {} });
  t.match(preview.items[0]?.verdicts.slice(2), [
    { point: third, keep: false },
    { point: second, keep: true, why: [/^locked until/] },
    { point: first, keep: true, why: ['held: audit'] },
  ]);
  t.equal(standing(play).length, 5, 'a preview removes nothing');
  await play.applied();
  t.same(standing(play), [first, second, ...made.slice(3)]);
  t.equal(play.shelves.in(play.store).length, 5);
  const shown = await play.client.call('getPoint', { params: { id: third } });
  t.notOk('removed' in shown || 'copies' in shown);
  t.match((await play.client.call('getPoint', { params: { id: first } })).copies, [{ hold: { reason: 'audit' } }]);
  t.notOk('hold' in (await play.client.call('getPoint', { params: { id: first } })), 'the original is not held');
  t.same(await play.copy(await runCopy(play)), [], 'what the rule has removed is not copied again');
  await play.client.call('releasePoint', { params: { id: first }, query: { from: 'offsite' } });
  t.match(await play.applied(), [{ point: first, outcome: 'removed', reason: /standing copy nightly/ }]);
});

t.test('a copy is removed by hand without its original, and can be made again by name', async (t) => {
  await using play = await openPlay();
  const point = await play.backUp(1);
  await play.copy(await runCopy(play));
  const remove = () => play.client.call('removePoint', { params: { id: point }, query: { from: 'offsite' }, body: {} });
  t.match(await remove(), { repository: { name: 'offsite' }, removed: { by: 'administrator' } });
  t.match(await remove(), { removed: { by: 'administrator' } }, 'once is enough');
  t.same(standing(play), []);
  t.equal(play.shelves.in(play.store).length, 1);
  const restore = { transporter: 'laptop', path: '/srv/restored', from: 'offsite' };
  await t.rejects(play.client.call('restorePoint', { params: { id: point }, body: restore }), { code: 'not-found' });
  const deletions = await Array.fromAsync(play.client.list('listDeletions', {}));
  t.match(deletions, [{ point, repository: { name: 'offsite' }, outcome: 'removed' }]);
  const again = await play.client.call('startCopy', { params: { id: 'store' }, body: { to: 'offsite', point } });
  await play.copy(again.id);
  t.match((await play.client.call('getPoint', { params: { id: point } })).copies, [
    { repository: { name: 'offsite' } },
  ]);
});

t.test('nothing is removed after a copy that failed, or when the newest copy is gone', async (t) => {
  await using play = await openPlay({ keep: { last: 3 } });
  for (const days of [3, 2, 1]) await play.backUp(days);
  await play.copy(await runCopy(play));
  await play.client.call('updateCopy', { params: { id: 'nightly' }, body: { keep: { last: 1 }, confirm: true } });
  const id = await runCopy(play);
  const task = await play.copyTask(id);
  const { report: _, ...failed } = resultWith(play.offsite, []);
  const failure = new Failure('store-failed', 'retry', 'The disk is full.', { advice: 'Make room.' }).toJSON();
  const stop = new AbortController();
  const events = play.client.events(stop.signal);
  const seen = (async () => {
    for await (const event of events) if (event.type === 'alarm') return event.data;
    return undefined;
  })();
  await play.target.finish(task, { ...failed, outcome: 'failed', failure });
  await runWhen(play, id, ({ state }) => state === 'failed');
  t.match(await seen, { code: 'copy-failed', message: /nightly has failed: The disk is full/, advice: 'Make room.' });
  stop.abort();
  const apply = () => play.client.call('applyCopyRetention', { params: { id: 'nightly' } });
  t.match(await apply(), { blocked: [/did not end well \(failed\)/], items: [] });
  const keep = (last: number) =>
    play.client.call('updateCopy', { params: { id: 'nightly' }, body: { keep: { last }, confirm: true } });
  await keep(3);
  await play.copy(await runCopy(play));
  play.shelves.in(play.offsite).pop();
  await keep(1);
  t.match(await apply(), { blocked: [/newest copy .* is not at its target/], items: [] });
  t.equal(standing(play).length, 2);
});

t.test('rules that leave hardly anything, overlap, or make no sense are refused', async (t) => {
  await using play = await openPlay({ keep: { last: 5 } });
  for (const days of [3, 2, 1]) await play.backUp(days);
  await play.copy(await runCopy(play));
  const { client } = play;
  const update = (body: object) => client.call('updateCopy', { params: { id: 'nightly' }, body });
  await t.rejects(update({ keep: { last: 1 } }), { code: 'retention-unconfirmed', message: /photos in offsite/ });
  await t.rejects(update({ keep: {} }), { code: 'retention-unconfirmed' });
  await t.rejects(update({ schedule: '30 2 31 2 *' }), { code: 'schedule-invalid' });
  const create = (body: object) =>
    client.call('createCopy', { body: { name: 'second', from: 'store', to: 'offsite', ...body } });
  await t.rejects(create({}), { code: 'copy-overlaps' });
  await t.rejects(create({ jobs: ['photos'] }), { code: 'copy-overlaps' });
  await t.rejects(create({ to: 'store' }), { code: 'request-invalid' });
  await t.rejects(create({ from: 'offsite', to: 'store', jobs: ['photos'] }), { code: 'request-invalid' });
  await t.rejects(create({ name: 'nightly', from: 'offsite', to: 'store' }), { code: 'name-taken' });
  await client.call('removeCopy', { params: { id: 'nightly' } });
  t.equal(standing(play).length, 3, 'copies of a rule that was removed stay');
  t.match(await create({ jobs: ['photos'] }), { jobs: [{ name: 'photos' }] });
});

t.test(
  'it runs by its schedule after a start, locks new copies by their ticket, and is late when none ends',
  async (t) => {
    await using play = await openPlay({ schedule: '0 0 1 1 *', immutableDays: 10 });
    const point = await play.backUp(1);
    t.match(await metrics(play), /sealift_copy_overdue{copy="nightly"} 0/);
    await downFor(play, 366 * DAY);
    await play.target.until(() => play.target.started.some(({ kind }) => kind === 'copy'));
    const task = play.target.started.find(({ kind }) => kind === 'copy');
    t.match(task, { spec: { repositoryId: play.offsite, points: [point] } });
    const taskId = task?.taskId ?? '';
    const peer = await play.target.connected();
    const ticket = readTicket((await peer.call('task.ticket', { taskId, pointId: point })).ticket);
    t.match(ticket, { rights: ['copy'], lockFor: 10 * DAY });
    await downFor(play, 366 * DAY);
    t.match(await metrics(play), /sealift_copy_overdue{copy="nightly"} 1/);
    await lateAlarm(play);
    t.match(await play.client.call('getCopy', { params: { id: 'nightly' } }), { lateSince: /^20/ });
    await play.copy(taskId);
    t.match(await metrics(play), /sealift_copy_overdue{copy="nightly"} 0/);
    t.match(await metrics(play), /sealift_copy_last_run_failed{copy="nightly"} 0/);
  },
);

/** The Director ends, time passes for its standing copies, and it starts again. */
async function downFor(play: Play, duration: number): Promise<void> {
  await play.director.close();
  {
    using database = new DatabaseSync(join(play.data, 'director.sqlite'));
    database
      .prepare('UPDATE copy_rules SET due_since = due_since - ?, scheduled_at = scheduled_at - ?')
      .run(duration, duration);
  }
  await play.restart();
  await Promise.all([play.source.connected(), play.target.connected()]);
}

async function lateAlarm(play: Play): Promise<void> {
  for (;;) {
    if (/sealift_alarms_total{code="copy-late"} 1/.test(await metrics(play))) return;
    await sleep(20, undefined, { signal: AbortSignal.timeout(20_000) });
  }
}

async function metrics({ director }: Play): Promise<string> {
  const ca = await readFile(director.authorityFile);
  return new Promise((resolve, reject) => {
    get(`${director.url}/metrics`, { ca }, async (answer) => {
      resolve((await Array.fromAsync(answer)).join(''));
    }).on('error', reject);
  });
}
