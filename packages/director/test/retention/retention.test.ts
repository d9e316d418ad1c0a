import { Failure } from '@sealift/core';
import type { ControlHandlers, DirectorEvent, StoredPoint } from '@sealift/wire';
import t from 'tap';
import { resultOf } from '../support/scripted-transporter.ts';
import { newJob, openTheatre, startRun, type Theatre } from '../support/stage.ts';

const DAY = 24 * 3_600_000;

/** A stub of a target: recovery points of which the test says when they were received and what becomes of requests. */
class ScriptedShelf {
  readonly points: StoredPoint[] = [];
  readonly removals: { pointId: string; reason: string }[] = [];
  problems: Failure[] = [];
  /** Called instead of removing. */
  onRemove: ((pointId: string) => void) | undefined;

  handlers(): ControlHandlers {
    return {
      'point.list': ({ jobId }) => ({
        points: this.points.filter((point) => point.jobId === jobId),
        now: Date.now(),
        leastLock: 0,
        problems: this.problems.map((problem) => problem.toJSON()),
      }),
      'point.remove': ({ pointId, reason }) => {
        this.onRemove?.(pointId);
        this.take(pointId);
        this.removals.push({ pointId, reason });
        return {};
      },
    };
  }

  take(pointId: string): void {
    const place = this.points.findIndex(({ id }) => id === pointId);
    if (place === -1) throw new Failure('point-missing', 'refused', `There is no recovery point ${pointId}.`);
    this.points.splice(place, 1);
  }
}

interface Play extends Theatre {
  shelf: ScriptedShelf;
  /** Runs the job `photos`; its point claims and was received at these times. */
  backUp(of: { claimed: number; received?: number; outcome?: 'failed' }): Promise<string>;
  apply(): Promise<{ blocked?: string; items: { point: string; outcome: string }[] }>;
}

async function openPlay(keep: object): Promise<Play> {
  const theatre = await openTheatre();
  const shelf = new ScriptedShelf();
  Object.assign(theatre.target.handlers, shelf.handlers());
  const { id: jobId } = await newJob(theatre, 'photos', { keep });
  let runs = 0;
  const backUp: Play['backUp'] = async ({ claimed, received = claimed, outcome }) => {
    const { id } = await startRun(theatre, 'photos');
    const task = await theatre.source.task(runs++);
    const made = resultOf(task).point;
    if (made === undefined) throw new Error('no point');
    const hash = Buffer.alloc(32, runs);
    const before = runs === 1 ? {} : { previous: Buffer.alloc(32, runs - 1) };
    const point = { ...made, ...before, hash, sequence: runs, createdAt: claimed };
    if (outcome === undefined) shelf.points.push({ id, jobId, hash, receivedAt: received });
    await theatre.source.finish(task, outcome === undefined ? { point } : { outcome });
    return id;
  };
  const apply = () => theatre.client.call('applyRetention', { params: { id: 'photos' } });
  return Object.assign(theatre, { shelf, backUp, apply });
}

async function alarmsDuring(stage: Theatre, code: string, cause: () => Promise<unknown>): Promise<DirectorEvent> {
  const stop = new AbortController();
  const events = stage.client.events(stop.signal);
  const first = events.next();
  await cause();
  for (let next = await first; !next.done; next = await events.next()) {
    if (next.value.type !== 'alarm' || next.value.data.code !== code) continue;
    stop.abort();
    return next.value;
  }
  throw new Error('the events have ended');
}

t.test('a source that forges its clock cannot have its points displace those of other days', async (t) => {
  await using play = await openPlay({ daily: 3 });
  const today = Date.now();
  const honest: string[] = [];
  for (const days of [2, 1]) honest.push(await play.backUp({ claimed: today - days * DAY }));
  // Received within a minute today, each claiming another day of the future.
  const forged: string[] = [];
  for (const i of [0, 1, 2]) forged.push(await play.backUp({ claimed: today + i * DAY, received: today + i }));
  await play.apply();
  const left = play.shelf.points.map(({ id }) => id);
  t.same(left, [...honest, forged[2]], 'by the time of receipt they are all of one day');
  t.match(play.shelf.removals[0], { reason: /^retention: the rule daily=3 of job photos does not keep it$/ });
});

t.test('nothing is removed while the newest run has failed, and it is said so', async (t) => {
  await using play = await openPlay({ last: 5 });
  const now = Date.now();
  for (const age of [3, 2, 1]) await play.backUp({ claimed: now - age * DAY });
  await play.backUp({ claimed: now, outcome: 'failed' });
  const body = { keep: { last: 1 }, confirm: true };
  await play.client.call('updateJob', { params: { id: 'photos' }, body });
  t.match(await play.apply(), { blocked: /newest run .* has failed/, items: [] });
  t.match(await play.client.call('previewRetention', { params: { id: 'photos' }, body: {} }), {
    blocked: /has failed/,
    verdicts: [{ keep: true }, { keep: false, why: ['nothing keeps it'] }, { keep: false }],
  });
  t.equal(play.shelf.points.length, 3);
  await play.backUp({ claimed: now });
  await play.apply();
  t.equal(play.shelf.points.length, 1, 'a run that made a point lets it go on');
});

t.test('what the target refuses is kept, logged with its reason, and no bar to the others', async (t) => {
  await using play = await openPlay({ last: 5 });
  const now = Date.now();
  const made: string[] = [];
  for (const age of [4, 3, 2]) made.push(await play.backUp({ claimed: now - age * DAY }));
  // After this nothing goes on in the background.
  await play.apply();
  play.shelf.onRemove = (pointId) => {
    if (pointId === made[0]) throw new Failure('point-locked', 'refused', `It is locked until tomorrow.`);
  };
  await play.client.call('updateJob', { params: { id: 'photos' }, body: { keep: { last: 1 }, confirm: true } });
  const { items } = await play.apply();
  t.match(Object.fromEntries(items.map(({ point, outcome }) => [point, outcome])), {
    [made[0] as string]: 'refused',
    [made[1] as string]: 'removed',
  });
  await t.rejects(play.client.call('removePoint', { params: { id: made[0] as string }, body: {} }), {
    code: 'point-locked',
    message: /until tomorrow/,
  });
  const log = await Array.fromAsync(play.client.list('listDeletions', {}));
  t.match(log[0], { by: 'administrator', outcome: 'refused', failure: { code: 'point-locked' } });
  t.equal(log.length, 3);
});

t.test('a removal whose answer was lost is found done, and is no alarm', async (t) => {
  await using play = await openPlay({ last: 5 });
  const now = Date.now();
  const gone = await play.backUp({ claimed: now - DAY });
  await play.backUp({ claimed: now });
  await play.apply();
  play.shelf.onRemove = (pointId) => {
    play.shelf.take(pointId);
    throw new Failure('disconnected', 'retry', 'The connection broke.');
  };
  const body = { reason: 'spare' };
  await t.rejects(play.client.call('removePoint', { params: { id: gone }, body }), { code: 'disconnected' });
  t.equal((await play.client.call('getPoint', { params: { id: gone } })).removed, undefined);
  await play.restart();
  await Promise.all([play.source.connected(), play.target.connected()]);
  await play.apply();
  const shown = await play.client.call('getPoint', { params: { id: gone } });
  t.match(shown, { removed: { by: 'administrator', reason: 'spare' } });
  t.notOk('missingSince' in shown);
});

t.test('a point that is being restored is not removed', async (t) => {
  await using play = await openPlay({ last: 5 });
  const id = await play.backUp({ claimed: Date.now() - DAY });
  await play.backUp({ claimed: Date.now() });
  await play.apply();
  await play.client.call('restorePoint', { params: { id }, body: { transporter: 'laptop', path: '/tmp/x' } });
  await t.rejects(play.client.call('removePoint', { params: { id }, body: {} }), { code: 'point-in-use' });
  await play.client.call('updateJob', { params: { id: 'photos' }, body: { keep: { last: 1 }, confirm: true } });
  t.match(await play.apply(), { items: [] });
});

t.test('what a target reports of its repository is an alarm, once', async (t) => {
  await using play = await openPlay({ last: 5 });
  await play.backUp({ claimed: Date.now() });
  play.shelf.problems = [new Failure('clock-jumped', 'refused', 'The clock jumped ahead.', { advice: 'Use NTP.' })];
  const event = await alarmsDuring(play, 'clock-jumped', () => play.apply());
  t.match(event, {
    data: { message: 'The target of store reports: The clock jumped ahead.', transporter: { name: 'vault' } },
  });
  const other = new Failure('lock-damaged', 'corrupt', 'A lock cannot be read.');
  play.shelf.problems.push(other);
  const next = await alarmsDuring(play, 'lock-damaged', () => play.apply());
  t.match(next, { data: { code: 'lock-damaged' } });
});

t.test('a chain goes on after its newest points were removed', async (t) => {
  await using play = await openPlay({ last: 5 });
  const now = Date.now();
  await play.backUp({ claimed: now - DAY });
  const newest = await play.backUp({ claimed: now });
  await play.apply();
  await play.client.call('removePoint', { params: { id: newest }, body: {} });
  const events: DirectorEvent[] = [];
  const stop = new AbortController();
  const listening = (async () => {
    for await (const event of play.client.events(stop.signal)) {
      events.push(event);
      if (event.type === 'run.state' && event.data.state === 'done') stop.abort();
    }
  })().catch(() => {});
  // The run began before the removal: its point follows the removed one.
  await play.backUp({ claimed: now + 1 });
  await listening;
  t.same(
    events.filter(({ type }) => type === 'alarm'),
    [],
  );
});
