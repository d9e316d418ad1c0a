import type { KeepRule } from '@sealift/wire';
import type { Context } from '../context.ts';
import type { Job } from '../db/jobs.ts';
import { fail } from '../failures.ts';
import { formatRule } from './describe.ts';
import { judgePoints } from './judge-points.ts';
import { isEmptyRule, leavesOnlyNewest } from './plan.ts';

/** Refuses a rule that would leave hardly anything, unless it is said to be meant. */
export async function confirmRule(
  context: Context,
  job: Job | undefined,
  { keep, confirm }: { keep?: KeepRule | null; confirm?: boolean },
): Promise<void> {
  if (keep === undefined || keep === null || confirm === true) return;
  if (isEmptyRule(keep)) {
    throw fail('retention-unconfirmed', 'The rule asks for no recovery point: only the newest one would ever be kept.');
  }
  if (job === undefined) return;
  const verdicts = (await judgePoints(context, job, keep, Date.now())).map(({ verdict }) => verdict);
  if (!leavesOnlyNewest(verdicts)) return;
  const gone = verdicts.filter(({ keep: stays }) => !stays).length;
  throw fail(
    'retention-unconfirmed',
    `The rule ${formatRule(keep)} would remove ${gone} of ${verdicts.length} recovery points of ${job.name}, all but the newest.`,
  );
}
