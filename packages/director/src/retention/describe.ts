import type { KeepRule } from '@sealift/wire';
import type { Job } from '../db/jobs.ts';

const PARTS = ['last', 'hourly', 'daily', 'weekly', 'monthly', 'yearly'] as const;

/** `last=3,daily=7` */
export function formatRule(rule: KeepRule): string {
  const parts = PARTS.filter((part) => rule[part] !== undefined).map((part) => `${part}=${rule[part]}`);
  return parts.length === 0 ? 'nothing' : parts.join(',');
}

/** How long the points of a job are kept, in words. */
export function describeRetention(job: Job, of: { repositoryDays: number; timeZone: string }): string {
  const rule =
    job.keep === undefined
      ? 'Every recovery point is kept until somebody removes it.'
      : `Kept are ${formatRule(job.keep)}, by the time at which the target received them, days in ${of.timeZone}.`;
  const days = Math.max(job.immutableDays ?? 0, of.repositoryDays);
  const lock =
    days === 0
      ? 'Recovery points are not locked: whoever commands the Director can remove them.'
      : `The target locks each new one for ${days} days by its own clock; nobody can shorten that, this Director neither.`;
  const frozen =
    job.frozen === undefined
      ? ''
      : ` Automatic removal is frozen since ${new Date(job.frozen.since).toISOString()}: ${job.frozen.reasons.join('; ')}.`;
  return `${rule} ${lock}${frozen}`;
}
