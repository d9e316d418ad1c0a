import type { CopyResource } from '@sealift/wire';
import type { Context } from '../context.ts';
import type { CopyRule } from '../db/copy-rules.ts';
import { jobNamed } from '../db/jobs.ts';
import { dueTimes } from '../schedule/cron.ts';
import { isoTime } from './time.ts';

export async function copyResource({ db, timeZone }: Context, rule: CopyRule): Promise<CopyResource> {
  const { id, name, from, to, jobs, schedule, keep, immutableDays, lateSince, createdAt } = rule;
  const next = schedule === undefined ? undefined : dueTimes(schedule, timeZone)(Date.now());
  const named = jobs === undefined ? undefined : await Promise.all(jobs.map((job) => jobNamed(db, job)));
  return {
    ...{ id, name, from, to },
    ...(named === undefined ? {} : { jobs: named.map((job) => ({ id: job.id, name: job.name })) }),
    ...(schedule === undefined ? {} : { schedule }),
    ...(next === undefined ? {} : { nextRunAt: isoTime(next) }),
    ...(keep === undefined ? {} : { keep }),
    ...(immutableDays === undefined ? {} : { immutableDays }),
    ...(lateSince === undefined ? {} : { lateSince: isoTime(lateSince) }),
    createdAt: isoTime(createdAt),
  };
}
