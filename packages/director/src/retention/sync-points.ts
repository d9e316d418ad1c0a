import type { Failure, FailureRecord } from '@sealift/core';
import type { Result, StoredPoint } from '@sealift/wire';
import type { Context } from '../context.ts';
import type { Job } from '../db/jobs.ts';
import { forgetIntent, recordMissing, recordStored } from '../db/kept-points.ts';
import { type Point, pointsOfJob } from '../db/points.ts';
import { type Repository, recordImmutability } from '../db/repositories.ts';
import { raiseAlarm, wasRaised } from '../events/alarms.ts';
import { fail } from '../failures.ts';
import type { Session } from '../inventory/connections.ts';
import { settleLostRemoval } from './remove-point.ts';
import { PATIENCE, targetOf } from './target-of.ts';

const DAY = 24 * 3_600_000;
/** A target that lists more than any repository can hold is stopped. */
const MAX_PAGES = 10_000;

/**
 * Asks the target which points of a job it keeps, since when, and what it guards them with; its word on receive times and
 * locks is what retention goes by. Points that are gone and were not removed from here, and whatever the target reports
 * of its repository, are alarms. Resolves with the time by which the target judges, ms since 1970.
 */
export async function syncPoints(context: Context, job: Job): Promise<number> {
  const { db } = context;
  const { repository, session } = await targetOf(context, job.repositoryId);
  // Before the target is asked: what is recorded meanwhile is not missing.
  const known = await pointsOfJob(db, job.id, repository.id);
  const { points, now, leastLock, problems } = await listAll(session, repository, job);
  const stored = new Map(points.map((point) => [point.id, point]));
  // Another point under the same id is none.
  for (const { id, hash } of known) if (stored.get(id)?.hash.equals(hash) === false) stored.delete(id);
  const changes = known.map((point) => changeOf(point, stored.get(point.id))).filter((change) => change !== undefined);
  if (changes.length > 0) await db.batch(changes);
  await forgetIntent(db, [...stored.keys()]);
  for (const point of known) if (!stored.has(point.id)) await missing(context, job, point);
  const days = Math.floor(leastLock / DAY);
  if (days !== (repository.immutableDays ?? 0)) await recordImmutability(db, repository.id, days);
  for (const problem of problems) await reportProblem(context, repository, problem);
  return now;
}

function changeOf(known: Point, told: StoredPoint | undefined) {
  return told === undefined ? undefined : recordStored(known, told);
}

async function listAll({ peer }: Session, { id: repositoryId }: Repository, job: Job): Promise<Result<'point.list'>> {
  const points: StoredPoint[] = [];
  let page: Result<'point.list'> | undefined;
  for (let pages = 0; pages < MAX_PAGES; pages++) {
    const after = page?.next === undefined ? {} : { after: page.next };
    page = await peer.call('point.list', { repositoryId, jobId: job.id, ...after }, AbortSignal.timeout(PATIENCE));
    points.push(...page.points);
    if (page.next === undefined) return { ...page, points };
  }
  throw fail('request-invalid', `The target of ${job.repositoryName} lists recovery points without end.`);
}

async function missing(context: Context, job: Job, point: Point): Promise<void> {
  if (await settleLostRemoval(context, point)) return;
  if (!(await recordMissing(context.db, point.id, Date.now()))) return;
  await raiseAlarm(context, {
    code: 'point-missing',
    message: `The target of ${job.repositoryName} does not list recovery point ${point.id} of ${job.name} any more.`,
    advice: 'It was not removed from here: find out who did, or whether it is damaged, and verify the repository.',
    job: { id: job.id, name: job.name },
    repository: point.repository,
    point: point.id,
  });
}

/** Once for each problem: a target goes on naming it until it is opened anew. */
async function reportProblem(
  context: Context,
  { id, name, transporterId, transporterName }: Repository,
  { code, message, advice }: FailureRecord | Failure,
): Promise<void> {
  const alarm = {
    code,
    message: `The target of ${name} reports: ${message}`,
    advice,
    repository: { id, name },
    transporter: { id: transporterId, name: transporterName },
  };
  if (!(await wasRaised(context, alarm))) await raiseAlarm(context, alarm);
}
