import type { CopyResource } from '@sealift/wire';
import { formatKeep } from '../commands/job/keep.ts';
import { printable } from './printable.ts';
import { formatFields } from './run.ts';
import { formatTime } from './units.ts';

export function formatCopy(copy: CopyResource): string {
  const { immutableDays = 0, jobs } = copy;
  return formatFields([
    ['copy', printable(copy.name)],
    ['id', copy.id],
    ['from', printable(copy.from.name)],
    ['to', printable(copy.to.name)],
    ['jobs', jobs === undefined ? 'all' : jobs.map(({ name }) => printable(name)).join(' ')],
    ['schedule', copy.schedule],
    ['next run', copy.nextRunAt === undefined ? undefined : `${formatTime(copy.nextRunAt)} UTC`],
    ['late', copy.lateSince === undefined ? undefined : `since ${formatTime(copy.lateSince)} UTC`],
    ['keep', formatKeep(copy.keep)],
    ['immutable', immutableDays === 0 ? undefined : `${immutableDays} days from receipt`],
    ['made', `${formatTime(copy.createdAt)} UTC`],
  ]);
}
