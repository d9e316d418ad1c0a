import type { JobResource } from '@sealift/wire';
import type { Context } from '../context.ts';
import type { Job } from '../db/jobs.ts';
import { dueTimes } from '../schedule/cron.ts';
import { isoTime } from './time.ts';

export function jobResource({ timeZone }: Pick<Context, 'timeZone'>, job: Job): JobResource {
  const { frozen, adoptedSource } = job;
  const transporter =
    adoptedSource === undefined
      ? { id: job.transporterId, name: job.transporterName }
      : { id: adoptedSource, name: adoptedSource };
  return {
    id: job.id,
    name: job.name,
    source: { transporter, paths: job.paths },
    ...(adoptedSource === undefined ? {} : { adopted: true }),
    repository: { id: job.repositoryId, name: job.repositoryName },
    encryption: job.encryption,
    compression: job.compression,
    exclude: job.exclude,
    ...(job.quotaBytes === undefined ? {} : { quotaBytes: job.quotaBytes }),
    ...(job.keep === undefined ? {} : { keep: job.keep }),
    ...(job.immutableDays === undefined ? {} : { immutableDays: job.immutableDays }),
    ...(frozen === undefined ? {} : { frozen: { ...frozen, since: isoTime(frozen.since) } }),
    ...scheduleOf(job, timeZone),
    createdAt: isoTime(job.createdAt),
    ...(job.password === undefined ? {} : { password: job.password }),
  };
}

function scheduleOf({ schedule, pausedAt }: Job, timeZone: string) {
  const next = schedule === undefined || pausedAt !== undefined ? undefined : dueTimes(schedule, timeZone)(Date.now());
  return {
    ...(schedule === undefined ? {} : { schedule }),
    ...(pausedAt === undefined ? {} : { pausedAt: isoTime(pausedAt) }),
    ...(next === undefined ? {} : { nextRunAt: isoTime(next) }),
  };
}
