import type { Context } from '../context.ts';
import type { Deletion } from '../db/deletions.ts';
import { type Job, jobNamed, markRemoved } from '../db/jobs.ts';
import { copiesOf } from '../db/point-copies.ts';
import { type Point, pointsOfJob } from '../db/points.ts';
import { fail } from '../failures.ts';
import { removePoint } from './remove-point.ts';
import { syncPoints } from './sync-points.ts';

export interface RemovedJob {
  job: Job;
  deletions: Deletion[];
  /** What is there still, oldest first. */
  left: Point[];
  /** Copies of its points, also of those that were removed, in other repositories. */
  copies: number;
}

/**
 * Nothing is done for the job any more. Its points stay, and can be listed and restored from under the name that it had, or
 * are removed as far as their target lets go of them. Asked again, it removes what has become free since.
 *
 * @throws Failure `job-busy`; `transporter-away` when points are to be removed and their target is
 */
export async function removeJob(context: Context, id: string, points: 'keep' | 'remove'): Promise<RemovedJob> {
  const { db, log } = context;
  const job = await jobNamed(db, id);
  const all = await pointsOfJob(db, job.id, job.repositoryId);
  // First whether the target is there at all: half of what was asked for is none of it.
  if (points === 'remove') await syncPoints(context, job);
  if (job.removedAt === undefined && !(await markRemoved(db, job.id, Date.now()))) {
    throw fail('job-busy', `A run of the job ${job.name} waits or is under way.`);
  }
  log.info({ audit: 'job', job: job.name, points }, 'job removed');
  const deletions = points === 'remove' ? await removeAll(context, job) : [];
  const copies = await Promise.all(all.map((point) => copiesOf(db, point.id)));
  return {
    job: await jobNamed(db, job.id),
    deletions,
    left: await pointsOfJob(db, job.id, job.repositoryId),
    copies: copies.flat().length,
  };
}

/** Newest first, for who breaks it off is left with the oldest, of which most is known. */
async function removeAll(context: Context, job: Job): Promise<Deletion[]> {
  const deletions: Deletion[] = [];
  for (const point of (await pointsOfJob(context.db, job.id, job.repositoryId)).toReversed()) {
    deletions.push(
      await removePoint(context, point, { by: 'administrator', reason: `the job ${job.name} was removed` }),
    );
  }
  return deletions;
}
