import type { TaskPoint } from '@sealift/wire';
import type { Context } from '../context.ts';
import { chainHeads } from '../db/points.ts';
import type { JobRun } from '../db/run.ts';
import { raiseAlarm } from '../events/alarms.ts';

/**
 * A new point must follow the one that was recorded last. A target that was put back to an earlier state, or keeps points
 * back, gives the source an older one to go on from.
 */
export async function checkChain(context: Context, run: JobRun, repositoryId: string, point: TaskPoint): Promise<void> {
  const heads = await chainHeads(context.db, { jobId: run.job.id, repositoryId, before: point.id });
  const head = heads.find(({ removed }) => !removed);
  if (head === undefined || heads.some(({ hash }) => point.previous?.equals(hash) === true)) return;
  const shown = point.previous === undefined ? 'none' : `one with the hash ${point.previous.toString('hex', 0, 8)}…`;
  await raiseAlarm(context, {
    code: 'chain-broken',
    message: `The newest recovery point of ${run.job.name} is ${head.id}, but its target showed the source ${shown}.`,
    advice: 'Unless the repository was put back from a copy, somebody removed points or keeps them back: verify it.',
    job: run.job,
    point: point.id,
  });
}
