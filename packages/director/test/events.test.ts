import type { NumberedEvent } from '@sealift/wire';
import t from 'tap';
import { PROGRESS } from './support/scripted-transporter.ts';
import { newJob, openTheatre, startRun } from './support/stage.ts';

const limit = () => AbortSignal.timeout(20_000);

async function take(events: AsyncGenerator<NumberedEvent>, until: (event: NumberedEvent) => boolean) {
  const taken: NumberedEvent[] = [];
  for (;;) {
    const { value } = await events.next();
    if (value === undefined) return taken;
    taken.push(value);
    if (until(value)) return taken;
  }
}

const ended = (event: NumberedEvent) => event.type === 'run.state' && event.data.state === 'done';

t.test('a reader sees the run go by, and one that comes back misses nothing', async (t) => {
  await using stage = await openTheatre();
  const { client, source } = stage;
  await newJob(stage, 'photos');
  const live = client.events(limit());
  const first = live.next();
  const run = await startRun(stage, 'photos').then(async ({ id }) => {
    const task = await source.task(0);
    const peer = await source.connected();
    await peer.call('task.progress', { taskId: id, progress: PROGRESS });
    const warnings = [{ path: Buffer.from('a'), code: 'vanished', message: 'gone' }];
    await peer.call('task.warning', { taskId: id, warnings });
    await source.finish(task, { outcome: 'done' });
    return id;
  });
  const begin = await first;
  const seen = [begin.value as NumberedEvent, ...(await take(live, ended))];
  t.ok(seen.some(({ type }) => type === 'run.state'));
  const progress = seen.find(({ type }) => type === 'run.progress');
  t.match(progress?.data, { run, job: { name: 'photos' }, progress: PROGRESS });
  t.match(seen.find(({ type }) => type === 'run.warning')?.data, { run, warnings: [{ path: 'a', code: 'vanished' }] });
  await live.return();

  const [start] = seen;
  const resumed = await take(client.events(limit(), start?.id), ended);
  t.same(
    resumed.map(({ id }) => id),
    seen.slice(1).map(({ id }) => id),
  );
});

t.test('a reader whose place is not kept any more is told so', async (t) => {
  await using stage = await openTheatre();
  for (const id of ['00000000-5', 'nonsense', '-', `x-${'9'.repeat(40)}`]) {
    const events = stage.client.events(limit(), id);
    t.equal((await events.next()).value?.type, 'events.lost', id);
    await events.return();
  }
});

t.test('a reader outlives a restart of the Director', async (t) => {
  await using stage = await openTheatre();
  const { source } = stage;
  await newJob(stage, 'photos');
  const { id } = await startRun(stage, 'photos');
  const task = await source.task(0);
  const events = stage.client.events(limit(), '0-0');
  t.equal((await events.next()).value?.type, 'events.lost');
  await stage.restart();
  await source.until(() => source.hellos === 2);
  const rest = take(events, ended);
  await source.finish(task);
  t.ok((await rest).some((event) => event.type === 'run.state' && event.data.id === id));
  await events.return();
});
