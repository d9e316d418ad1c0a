import type { JobRemovalResource, JobResource } from '@sealift/wire';
import type { Context } from '../context.ts';
import type { Job } from '../db/jobs.ts';
import type { RemovedJob } from '../retention/remove-job.ts';
import { deletionResource } from '../retention/remove-point.ts';
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
    reading: job.reading,
    ...(job.quotaBytes === undefined ? {} : { quotaBytes: job.quotaBytes }),
    ...(job.bandwidth === undefined ? {} : { bandwidth: job.bandwidth }),
    ...(job.keep === undefined ? {} : { keep: job.keep }),
    ...(job.immutableDays === undefined ? {} : { immutableDays: job.immutableDays }),
    ...(frozen === undefined ? {} : { frozen: { ...frozen, since: isoTime(frozen.since) } }),
    ...scheduleOf(job, timeZone),
    ...(job.removedAt === undefined ? {} : { removedAt: isoTime(job.removedAt) }),
    createdAt: isoTime(job.createdAt),
    ...(job.password === undefined ? {} : { password: job.password }),
  };
}

function scheduleOf({ schedule, pausedAt, removedAt }: Job, timeZone: string) {
  const idle = schedule === undefined || pausedAt !== undefined || removedAt !== undefined;
  const next = idle ? undefined : dueTimes(schedule, timeZone)(Date.now());
  return {
    ...(schedule === undefined ? {} : { schedule }),
    ...(pausedAt === undefined ? {} : { pausedAt: isoTime(pausedAt) }),
    ...(next === undefined ? {} : { nextRunAt: isoTime(next) }),
  };
}

export function jobRemovalResource(
  context: Pick<Context, 'timeZone'>,
  { job, deletions, left, copies }: RemovedJob,
): JobRemovalResource {
  return {
    job: jobResource(context, job),
    deletions: deletions.map(deletionResource),
    left: left.map(({ id, lockedUntil, hold }) => ({
      point: id,
      ...(lockedUntil === undefined ? {} : { lockedUntil: isoTime(lockedUntil) }),
      ...(hold === undefined ? {} : { held: hold.reason }),
    })),
    copies,
  };
}
