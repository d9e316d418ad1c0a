import type { JobResource } from '@sealift/wire';
import type { Job } from '../db/jobs.ts';
import { isoTime } from './time.ts';

export function jobResource(job: Job): JobResource {
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
    createdAt: isoTime(job.createdAt),
    ...(job.password === undefined ? {} : { password: job.password }),
  };
}
