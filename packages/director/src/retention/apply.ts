import { toFailure } from '@sealift/core';
import type { Context } from '../context.ts';
import type { Deletion } from '../db/deletions.ts';
import { newestEndedBackup, recordRetention } from '../db/job-retention.ts';
import { type Job, jobNamed } from '../db/jobs.ts';
import { pointById } from '../db/points.ts';
import { formatRule } from './describe.ts';
import { guardJob } from './guard-job.ts';
import { judgePoints } from './judge-points.ts';
import { removePoint } from './remove-point.ts';
import { syncPoints } from './sync-points.ts';

export interface Applied {
  /** Why nothing was removed. */
  blocked?: string;
  deletions: Deletion[];
}

/**
 * Looks at the runs of a job that nobody looked at, asks the target how its points stand, and removes what its rule does
 * not keep. Nothing is removed while anything speaks against trusting the newest point.
 */
export async function applyRetention(context: Context, jobId: string): Promise<Applied> {
  await guardJob(context, await jobNamed(context.db, jobId));
  const job = await jobNamed(context.db, jobId);
  const now = await syncPoints(context, job);
  const applied = await removeUnkept(context, job, now);
  await recordRetention(context.db, job.id, Date.now());
  return applied;
}

async function removeUnkept(context: Context, job: Job, now: number): Promise<Applied> {
  const { keep: rule } = job;
  if (rule === undefined) return { deletions: [] };
  const blocked = await obstacle(context, job);
  if (blocked !== undefined) return { blocked, deletions: [] };
  const deletions: Deletion[] = [];
  for (const { point, verdict } of await judgePoints(context, job, rule, now)) {
    // What the target has never listed has no receive time to be judged by.
    if (verdict.keep || point.receivedAt === undefined || context.signal.aborted) continue;
    const reason = `the rule ${formatRule(rule)} of job ${job.name} does not keep it`;
    deletions.push(await removePoint(context, point, { by: 'retention', reason }));
  }
  return { deletions };
}

/** Why nothing may be removed automatically now; undefined when nothing speaks against it. */
export async function obstacle({ db }: Context, job: Job): Promise<string | undefined> {
  if (job.frozen !== undefined) {
    const since = new Date(job.frozen.since).toISOString();
    return `frozen since ${since} by run ${job.frozen.run}: ${job.frozen.reasons.join('; ')}`;
  }
  const newest = await newestEndedBackup(db, job.id);
  if (newest === undefined) return 'no run of the job has ended yet';
  if (newest.state !== 'done' && newest.state !== 'warnings')
    return `its newest run ${newest.id} ${ENDED[newest.state]}`;
  const point = await pointById(db, newest.id).catch(() => undefined);
  if (point === undefined || point.removed !== undefined || point.missingSince !== undefined) {
    return `the recovery point of its newest run ${newest.id} is not at the target`;
  }
  return undefined;
}

const ENDED: Record<string, string> = { failed: 'has failed', cancelled: 'was cancelled' };

/** After each run and once a day, in the background: what cannot be done now is done the next time. */
export async function retainInBackground(context: Context, jobId: string): Promise<void> {
  if (context.signal.aborted) return;
  try {
    const { blocked, deletions } = await applyRetention(context, jobId);
    if (blocked !== undefined) context.log.warn({ job: jobId, blocked }, 'retention removes nothing now');
    if (deletions.some(({ outcome }) => outcome !== 'refused')) context.log.info({ job: jobId }, 'retention applied');
  } catch (thrown) {
    context.log.info({ job: jobId, failure: toFailure(thrown) }, 'no retention now');
  }
}
