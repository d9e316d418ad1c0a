import { toFailure } from '@sealift/core';
import type { Context } from '../context.ts';
import {
  type CopyRule,
  copyRuleById,
  copyRuleNamed,
  copyRulesToRetain,
  jobsOfCopyRule,
  recordCopyRetention,
} from '../db/copy-rules.ts';
import { newestCopyRun } from '../db/copy-runs.ts';
import type { Deletion } from '../db/deletions.ts';
import { jobNamed } from '../db/jobs.ts';
import { copiedPoints } from '../db/point-copies.ts';
import { formatRule } from '../retention/describe.ts';
import { removePoint } from '../retention/remove-point.ts';
import { syncStanding } from '../retention/sync-points.ts';
import { judgeCopies } from './judge-copies.ts';

export interface CopiesRetained {
  /** Why nothing was removed of some or all jobs, one reason each. */
  blocked: string[];
  deletions: Deletion[];
}

/** Asks the target of the copies how they stand, and removes there what the rule of a standing copy does not keep. */
export async function retainCopies(context: Context, ruleId: string): Promise<CopiesRetained> {
  const rule = await copyRuleNamed(context.db, ruleId);
  const retained: CopiesRetained = { blocked: [], deletions: [] };
  for (const jobId of await jobsOfCopyRule(context.db, rule)) {
    const now = await syncCopies(context, rule, jobId);
    const blocked = await copyObstacle(context, rule, jobId);
    if (blocked === undefined) retained.deletions.push(...(await removeUnkept(context, rule, jobId, now)));
    else retained.blocked.push(blocked);
  }
  await recordCopyRetention(context.db, rule.id, Date.now());
  return retained;
}

/** Resolves with the time by which the target of the copies judges, ms. */
export function syncCopies(context: Context, { from, to }: CopyRule, jobId: string): Promise<number> {
  const of = { jobId, from: from.id, to: to.id };
  return syncStanding(context, { jobId, repositoryId: to.id }, async () => {
    return (await copiedPoints(context.db, of)).map(({ copy }) => copy);
  });
}

/** Why no copies of a job may be removed automatically now. */
export async function copyObstacle({ db }: Context, rule: CopyRule, jobId: string): Promise<string | undefined> {
  const { name, frozen } = await jobNamed(db, jobId);
  if (frozen !== undefined) return `${name} is frozen since ${new Date(frozen.since).toISOString()}`;
  const newest = await newestCopyRun(db, rule.id);
  if (newest === undefined) return `no run of the standing copy ${rule.name} has ended yet`;
  if (newest.state !== 'done' && newest.state !== 'warnings') {
    return `the newest run ${newest.id} of the standing copy ${rule.name} did not end well (${newest.state})`;
  }
  const copies = await copiedPoints(db, { jobId, from: rule.from.id, to: rule.to.id });
  const lost = copies.at(-1);
  return lost?.copy.missingSince === undefined
    ? undefined
    : `the newest copy ${lost.copy.id} of ${name} is not at its target`;
}

async function removeUnkept(context: Context, rule: CopyRule, jobId: string, now: number): Promise<Deletion[]> {
  const { keep } = rule;
  if (keep === undefined) return [];
  const deletions: Deletion[] = [];
  for (const { point, verdict } of await judgeCopies(context, rule, { jobId, keep, now })) {
    if (verdict.keep || context.signal.aborted) continue;
    const reason = `the rule ${formatRule(keep)} of the standing copy ${rule.name} does not keep it`;
    deletions.push(await removePoint(context, point, { by: 'retention', reason }));
  }
  return deletions;
}

/** After each run and once a day, in the background: what cannot be done now is done the next time. */
export async function retainCopiesInBackground(context: Context, ruleId: string): Promise<void> {
  const { db, log, signal } = context;
  if (signal.aborted) return;
  try {
    if ((await copyRuleById(db, ruleId)) === undefined) return;
    const { blocked } = await retainCopies(context, ruleId);
    if (blocked.length > 0) log.warn({ copy: ruleId, blocked }, 'retention removes no copies now');
  } catch (thrown) {
    log.info({ copy: ruleId, failure: toFailure(thrown) }, 'no retention of copies now');
  }
}

/** The rules of which nobody has looked since then. */
export async function retainCopiesDue(context: Context, since: number): Promise<void> {
  for (const id of await copyRulesToRetain(context.db, since)) {
    if (context.signal.aborted) return;
    await context.turns.run(() => retainCopiesInBackground(context, id));
  }
}
