import type { DeletionResource } from '@sealift/wire';
import { harmless, printable } from './printable.ts';
import { formatTable } from './table.ts';
import { formatTime } from './units.ts';

export function formatDeletions(items: DeletionResource[]): string {
  return formatTable(
    ['when', 'point', 'job', 'result', 'by', 'why'].map((title) => ({ title })),
    items.map(({ at, point, job, outcome, by, reason, failure, lockedUntil }) => [
      formatTime(at),
      point,
      printable(job.name),
      lockedUntil === undefined ? outcome : `${outcome} until ${formatTime(lockedUntil)}`,
      harmless(by),
      harmless(failure === undefined ? reason : `${reason}; ${failure.message} (${failure.code})`),
    ]),
  );
}
