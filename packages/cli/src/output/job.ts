import type { JobResource } from '@sealift/wire';
import { formatKeep } from '../commands/job/keep.ts';
import { formatReading } from '../commands/job/reading.ts';
import { harmless, printable } from './printable.ts';
import { formatFields } from './run.ts';
import { formatBytes, formatTime } from './units.ts';

export function formatJob(job: JobResource): string {
  const { frozen, immutableDays = 0 } = job;
  return formatFields([
    ['job', printable(job.name)],
    ['id', job.id],
    ['source', printable(job.source.transporter.name)],
    ['paths', job.source.paths.map(printable).join(' ')],
    ['repository', printable(job.repository.name)],
    ['encryption', job.encryption],
    ['password', job.password === undefined ? undefined : printable(job.password.name)],
    ['compression', job.compression],
    ['exclude', job.exclude.length === 0 ? undefined : job.exclude.map(printable).join(' ')],
    ['reading', formatReading(job.reading)],
    ['quota', job.quotaBytes === undefined ? undefined : formatBytes(job.quotaBytes)],
    ['bandwidth', job.bandwidth],
    ['schedule', job.schedule],
    ['next run', job.nextRunAt === undefined ? undefined : `${formatTime(job.nextRunAt)} UTC`],
    ['paused', job.pausedAt === undefined ? undefined : `since ${formatTime(job.pausedAt)} UTC`],
    ['keep', formatKeep(job.keep)],
    ['immutable', immutableDays === 0 ? undefined : `${immutableDays} days from receipt`],
    ['frozen', frozen === undefined ? undefined : `since ${formatTime(frozen.since)} UTC, by run ${frozen.run}`],
    ['because', frozen === undefined ? undefined : harmless(frozen.reasons.join('; '))],
    ['made', `${formatTime(job.createdAt)} UTC`],
    ['removed', job.removedAt === undefined ? undefined : `${formatTime(job.removedAt)} UTC; only its points are left`],
  ]);
}
