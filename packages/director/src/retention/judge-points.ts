import type { KeepRule } from '@sealift/wire';
import type { Context } from '../context.ts';
import type { Job } from '../db/jobs.ts';
import { completePoints, pointsBeingRestored } from '../db/kept-points.ts';
import { type Point, pointsOfJob } from '../db/points.ts';
import { type Candidate, plan, type Verdict } from './plan.ts';

/** What a rule means for the points of a job as they are known, newest first. `now` is the time of the target. */
export async function judgePoints(
  { db, calendar }: Context,
  job: Job,
  rule: KeepRule | undefined,
  now: number,
): Promise<{ point: Point; verdict: Verdict }[]> {
  const points = (await pointsOfJob(db, job.id, job.repositoryId)).filter((point) => point.missingSince === undefined);
  const complete = await completePoints(db, job.id);
  const busy = await pointsBeingRestored(db, job.id);
  const candidates = points.map((point): Candidate => {
    const { id, receivedAt, createdAt, sequence, lockedUntil } = point;
    const held = busy.has(id) ? 'a restore reads it' : point.hold?.reason;
    return {
      id,
      receivedAt: receivedAt ?? createdAt,
      sequence,
      complete: complete.has(id),
      ...(lockedUntil === undefined ? {} : { lockedUntil }),
      ...(held === undefined ? {} : { held }),
    };
  });
  const known = new Map(points.map((point) => [point.id, point]));
  return plan(candidates, rule, { calendar, now }).map((verdict) => {
    return { verdict, point: known.get(verdict.id) as Point };
  });
}
