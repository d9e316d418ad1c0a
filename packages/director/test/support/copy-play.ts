import { Failure } from '@sealift/core';
import type { ControlHandlers, CopyReport, StoredPoint, TaskResult, TaskStart } from '@sealift/wire';
import { PROGRESS, resultOf } from './scripted-transporter.ts';
import { newJob, openTheatre, runWhen, startRun, type Theatre } from './stage.ts';

export const DAY = 24 * 3_600_000;

/** A stub of a target with two repositories: points are there from when the test says so. */
class ScriptedShelves {
  readonly points = new Map<string, StoredPoint[]>();

  handlers(): ControlHandlers {
    return {
      'point.list': ({ repositoryId, jobId }) => ({
        points: this.in(repositoryId).filter((point) => point.jobId === jobId),
        now: Date.now(),
        leastLock: 0,
        problems: [],
      }),
      'point.remove': ({ repositoryId, pointId }) => {
        const point = this.find(repositoryId, pointId);
        if (point.hold !== undefined) throw new Failure('point-held', 'refused', `It is held: ${point.hold.reason}`);
        if ((point.lockedUntil ?? 0) > Date.now()) throw new Failure('point-locked', 'refused', 'It is locked.');
        this.in(repositoryId).splice(this.in(repositoryId).indexOf(point), 1);
        return {};
      },
      'point.hold': ({ repositoryId, pointId, reason }) =>
        Object.assign(this.find(repositoryId, pointId), { hold: { reason, since: Date.now() } }),
      'point.release': ({ repositoryId, pointId }) => {
        const { hold: _, ...point } = this.find(repositoryId, pointId);
        this.in(repositoryId).splice(this.in(repositoryId).indexOf(this.find(repositoryId, pointId)), 1, point);
        return point;
      },
    };
  }

  in(repositoryId: string): StoredPoint[] {
    const found = this.points.get(repositoryId) ?? [];
    this.points.set(repositoryId, found);
    return found;
  }

  find(repositoryId: string, pointId: string): StoredPoint {
    const found = this.in(repositoryId).find(({ id }) => id === pointId);
    if (found === undefined) throw new Failure('point-missing', 'refused', `There is no recovery point ${pointId}.`);
    return found;
  }
}

export interface Play extends Theatre {
  shelves: ScriptedShelves;
  store: string;
  offsite: string;
  /** Runs `photos`; its point was received so many days ago. */
  backUp(daysAgo: number): Promise<string>;
  /** What the target was asked to copy by this run. */
  copyTask(runId: string): Promise<Extract<TaskStart, { kind: 'copy' }>>;
  /** Copies what a run was asked for. */
  copy(runId: string): Promise<string[]>;
  applied(): Promise<{ point: string; outcome: string; reason: string }[]>;
}

export async function openPlay(rule: object = {}): Promise<Play> {
  const theatre = await openTheatre();
  const { client, source, target } = theatre;
  const shelves = new ScriptedShelves();
  Object.assign(target.handlers, shelves.handlers());
  await client.call('createPassword', { body: { name: 'home', password: 'correct horse battery staple' } });
  const { id: jobId } = await newJob(theatre, 'photos', { encryption: 'source-side', password: 'home' });
  const { id: store } = await client.call('getRepository', { params: { id: 'store' } });
  const made = await client.call('createRepository', {
    body: { name: 'offsite', transporter: 'vault', path: '/srv/offsite' },
  });
  await client.call('createCopy', { body: { name: 'nightly', from: 'store', to: 'offsite', ...rule } });
  let runs = 0;
  const backUp: Play['backUp'] = async (daysAgo) => {
    const { id } = await startRun(theatre, 'photos');
    const task = await source.task(runs++);
    const hash = Buffer.alloc(32, runs);
    const before = runs === 1 ? {} : { previous: Buffer.alloc(32, runs - 1) };
    const receivedAt = Date.now() - daysAgo * DAY;
    shelves.in(store).push({ id, jobId, hash, receivedAt });
    const point = { ...resultOf(task).point, ...before, hash, sequence: runs, createdAt: receivedAt };
    await source.finish(task, { point } as Partial<TaskResult>);
    await client.call('applyRetention', { params: { id: 'photos' } });
    return id;
  };
  const copyTask: Play['copyTask'] = async (runId) => {
    await target.until(() => target.started.some(({ taskId }) => taskId === runId));
    const task = target.started.find(({ taskId }) => taskId === runId);
    if (task?.kind !== 'copy') throw new Error('no copy');
    return task;
  };
  const copy: Play['copy'] = async (runId) => {
    const task = await copyTask(runId);
    const copied = task.spec.points.map((point) => ({ point, receivedAt: Date.now() }));
    for (const { point, receivedAt } of copied) {
      const { hash } = shelves.find(store, point);
      shelves.in(made.id).push({ id: point, jobId, hash, receivedAt });
    }
    await target.finish(task, resultWith(made.id, copied));
    await runWhen(theatre, runId, ({ state }) => state === 'done');
    return task.spec.points;
  };
  const applied: Play['applied'] = async () => {
    return (await client.call('applyCopyRetention', { params: { id: 'nightly' } })).items;
  };
  return Object.assign(theatre, { shelves, store, offsite: made.id, backUp, copyTask, copy, applied });
}

export function resultWith(
  repositoryId: string,
  copied: CopyReport['copied'],
  more: Partial<CopyReport> = {},
): TaskResult {
  const none = { alreadyThere: 0, left: 0, chunks: 0, bytes: 0, next: 'nothing' };
  const report: CopyReport = { kind: 'copy', repositoryId, copied, ...none, ...more };
  const times = { startedAt: Date.now() - 1000, finishedAt: Date.now() };
  return { outcome: 'done', progress: { ...PROGRESS, phase: 'copying' }, report, ...times };
}

export async function runCopy({ client }: Pick<Theatre, 'client'>): Promise<string> {
  return (await client.call('runCopy', { params: { id: 'nightly' } })).id;
}

/** Ids of the points that stand in the second repository. */
export function standing({ shelves, offsite }: Play): string[] {
  return shelves.in(offsite).map(({ id }) => id);
}
