import type { KeepRule } from '@sealift/wire';
import type { Context } from '../context.ts';
import { type CopyRule, everyCopyRule, jobsOfCopyRule } from '../db/copy-rules.ts';
import { fail } from '../failures.ts';
import { formatRule } from '../retention/describe.ts';
import { isEmptyRule, leavesOnlyNewest } from '../retention/plan.ts';
import { judgeCopies } from './judge-copies.ts';

/** Refuses a rule that would leave hardly anything of what was copied, unless it is said to be meant. */
export async function confirmCopyRule(
  context: Context,
  rule: CopyRule | undefined,
  { keep, confirm }: { keep?: KeepRule | null; confirm?: boolean },
): Promise<void> {
  if (keep === undefined || keep === null || confirm === true) return;
  if (isEmptyRule(keep)) {
    throw fail('retention-unconfirmed', 'The rule asks for no copy: only the newest one would ever be kept.');
  }
  if (rule === undefined) return;
  for (const jobId of await jobsOfCopyRule(context.db, rule)) {
    const judged = await judgeCopies(context, rule, { jobId, keep, now: Date.now() });
    if (!leavesOnlyNewest(judged.map(({ verdict }) => verdict))) continue;
    const what = `of ${judged[0]?.point.job.name} in ${rule.to.name} all copies but the newest`;
    throw fail('retention-unconfirmed', `The rule ${formatRule(keep)} would remove ${what}.`);
  }
}

/** Two rules for the copies of one job in one place would remove what the other keeps. */
export async function refuseOverlap(
  context: Context,
  wanted: { fromId: string; toId: string; jobs?: string[] },
): Promise<void> {
  const { fromId, toId, jobs } = wanted;
  const clash = (await everyCopyRule(context.db)).find((rule) => {
    if (rule.from.id !== fromId || rule.to.id !== toId) return false;
    return jobs === undefined || rule.jobs === undefined || jobs.some((job) => rule.jobs?.includes(job));
  });
  if (clash === undefined) return;
  throw fail('copy-overlaps', `The standing copy ${clash.name} copies points of the same jobs to the same repository.`);
}
