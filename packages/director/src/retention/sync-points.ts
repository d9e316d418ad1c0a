import type { Failure, FailureRecord } from '@sealift/core';
import type { Result, StoredPoint } from '@sealift/wire';
import type { Context } from '../context.ts';
import type { Job } from '../db/jobs.ts';
import { cancelIntent, pointsToBeRemoved, recordMissing, recordStored } from '../db/kept-points.ts';
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

/** The same for the points of a job at its own target. */
export function syncPoints(context: Context, { id: jobId, repositoryId }: Job): Promise<number> {
  return syncStanding(context, { jobId, repositoryId }, () => pointsOfJob(context.db, jobId, repositoryId));
}

/**
 * Asks a target which points of a job it keeps, since when, and what it guards them with; its word on receive times and
 * locks is what retention goes by. Points that are gone and were not removed from here, and whatever the target reports
 * of its repository, are alarms. Resolves with the time by which the target judges, ms since 1970.
 *
 * @param known tells which originals or copies of the job should be there
 */
export async function syncStanding(
  context: Context,
  of: { jobId: string; repositoryId: string },
  known: () => Promise<Point[]>,
): Promise<number> {
  const { db } = context;
  const { repository, session } = await targetOf(context, of.repositoryId);
  // Before the target is asked: what is recorded meanwhile is not missing.
  const expected = await known();
  const { points, now, leastLock, problems } = await listAll(session, repository, of.jobId);
  const stored = new Map(points.map((point) => [point.id, point]));
  // Another point under the same id is none.
  for (const { id, hash } of expected) if (stored.get(id)?.hash.equals(hash) === false) stored.delete(id);
  const changes = expected.map((point) => changeOf(point, stored.get(point.id)));
  const told = changes.filter((change) => change !== undefined);
  if (told.length > 0) await db.batch(told);
  // What is listed was not removed, whatever was wanted.
  const wanted = await pointsToBeRemoved(db);
  for (const point of expected) {
    if (!stored.has(point.id)) await missing(context, point);
    else if (wanted.has(point.id)) await cancelIntent(db, point);
  }
  const days = Math.floor(leastLock / DAY);
  if (days !== (repository.immutableDays ?? 0)) await recordImmutability(db, repository.id, days);
  for (const problem of problems) await reportProblem(context, repository, problem);
  return now;
}

function changeOf(known: Point, told: StoredPoint | undefined) {
  return told === undefined ? undefined : recordStored(known, told);
}

async function listAll({ peer }: Session, repository: Repository, jobId: string): Promise<Result<'point.list'>> {
  const { id: repositoryId, name } = repository;
  const points: StoredPoint[] = [];
  let page: Result<'point.list'> | undefined;
  for (let pages = 0; pages < MAX_PAGES; pages++) {
    const after = page?.next === undefined ? {} : { after: page.next };
    page = await peer.call('point.list', { repositoryId, jobId, ...after }, AbortSignal.timeout(PATIENCE));
    points.push(...page.points);
    if (page.next === undefined) return { ...page, points };
  }
  throw fail('request-invalid', `The target of ${name} lists recovery points without end.`);
}

async function missing(context: Context, point: Point): Promise<void> {
  if (await settleLostRemoval(context, point)) return;
  if (!(await recordMissing(context.db, point, Date.now()))) return;
  const { id, job, repository, copy } = point;
  const what = copy === true ? `the copy of recovery point ${id}` : `recovery point ${id}`;
  await raiseAlarm(context, {
    code: 'point-missing',
    message: `The target of ${repository.name} does not list ${what} of ${job.name} any more.`,
    advice: 'It was not removed from here: find out who did, or whether it is damaged, and verify the repository.',
    job,
    repository,
    point: id,
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
