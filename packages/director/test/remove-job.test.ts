import t from 'tap';
import { DAY, openPlay, type Play, runCopy, standing } from './support/copy-play.ts';
import { newJob, startRun } from './support/stage.ts';

function remove({ client }: Play, points?: 'keep' | 'remove', id = 'photos') {
  return client.call('removeJob', { params: { id }, body: points === undefined ? {} : { points } });
}

async function jobsOf({ client }: Play): Promise<string[]> {
  return (await client.call('listJobs', {})).items.map(({ name }) => name);
}

t.test('a job is not removed while a run of it waits or is under way', async (t) => {
  await using play = await openPlay();
  await play.backUp(2);
  const { id } = await startRun(play, 'photos');
  await t.rejects(remove(play), { code: 'job-busy' });
  await play.client.call('cancelRun', { params: { id } });
  await play.source.until(() => play.source.cancelled.includes(id));
  const task = play.source.started.find(({ taskId }) => taskId === id);
  if (task === undefined) throw new Error('no task');
  await play.source.finish(task, { outcome: 'cancelled' });
  t.match(await remove(play), { job: { name: 'photos', removedAt: /^20/ } });
});

t.test('its points stay under its name, can be restored, and no rule removes them any more', async (t) => {
  await using play = await openPlay();
  const { client } = play;
  const made = [await play.backUp(3), await play.backUp(2)];
  await play.copy(await runCopy(play));
  await client.call('updateJob', {
    params: { id: 'photos' },
    body: { keep: { last: 1 }, schedule: '0 0 1 1 *', confirm: true },
  });
  t.match(await remove(play), { deletions: [], left: made.map((point) => ({ point })), copies: 2 });
  t.match(await remove(play), { left: made.map((point) => ({ point })) }, 'once more changes nothing');
  t.same(await jobsOf(play), []);
  const { items } = await client.call('listPoints', { query: { job: 'photos' } });
  t.match(
    items,
    made.toReversed().map((id) => ({ id, job: { name: 'photos' } })),
  );
  const of = { params: { id: 'photos' } };
  await t.rejects(startRun(play, 'photos'), { code: 'job-removed' });
  await t.rejects(client.call('applyRetention', of), { code: 'job-removed' });
  await t.rejects(client.call('updateJob', { ...of, body: { immutableDays: 1 } }), { code: 'job-removed' });
  await t.rejects(client.call('resumeJob', of), { code: 'job-removed' });
  const body = { transporter: 'laptop', path: '/srv/restored' };
  const run = await client.call('restorePoint', { params: { id: made[0] as string }, body });
  await play.source.until(() => play.source.started.some(({ taskId }) => taskId === run.id));
  t.match(run, { job: { name: 'photos' } });
  t.equal(play.shelves.in(play.store).length, 2);
});

t.test('its name is free, and means the new job from then on', async (t) => {
  await using play = await openPlay();
  await play.backUp(2);
  const { job: old } = await remove(play);
  const made = await newJob(play, 'photos');
  t.not(made.id, old.id);
  t.equal((await play.client.call('getJob', { params: { id: 'photos' } })).id, made.id);
  t.equal((await play.client.call('getJob', { params: { id: old.id } })).name, 'photos');
  t.same((await play.client.call('listPoints', { query: { job: 'photos' } })).items, []);
  t.equal((await play.client.call('listPoints', { query: { job: old.id } })).items.length, 1);
});

t.test('points go with it as far as they are neither locked nor held, and the rest when asked again', async (t) => {
  await using play = await openPlay();
  const [held, locked, free] = [await play.backUp(3), await play.backUp(2), await play.backUp(1)];
  await play.copy(await runCopy(play));
  await play.client.call('holdPoint', { params: { id: held }, body: { reason: 'audit' } });
  const until = Date.now() + DAY;
  Object.assign(play.shelves.find(play.store, locked), { lockedUntil: until });
  const removed = await remove(play, 'remove');
  t.match(removed.deletions, [
    { point: free, outcome: 'removed', reason: 'the job photos was removed' },
    { point: locked, outcome: 'refused' },
    { point: held, outcome: 'refused' },
  ]);
  const lockedUntil = new Date(until).toISOString();
  t.match(removed, {
    left: [
      { point: held, held: 'audit' },
      { point: locked, lockedUntil },
    ],
    copies: 3,
  });
  await play.client.call('releasePoint', { params: { id: held } });
  t.match(await remove(play, 'remove', removed.job.id), { left: [{ point: locked }] });
  t.same(
    play.shelves.in(play.store).map(({ id }) => id),
    [locked],
  );
  t.equal(standing(play).length, 3, 'copies stay');
});

t.test('nothing of it is removed while the target of points that are to go is away', async (t) => {
  await using play = await openPlay();
  await play.backUp(2);
  await play.target[Symbol.asyncDispose]();
  await t.rejects(remove(play, 'remove'), { code: 'transporter-away' });
  t.same(await jobsOf(play), ['photos']);
});
