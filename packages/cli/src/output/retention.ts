import type { RetentionResource } from '@sealift/wire';
import { formatKeep } from '../commands/job/keep.ts';
import { harmless, printable } from './printable.ts';
import { formatTable } from './table.ts';
import { formatTime } from './units.ts';

/** What a rule would remove, point by point, and why. */
export function formatRetention({ job, rule, timeZone, verdicts, blocked }: RetentionResource): string {
  const table = formatTable(
    ['point', 'received', 'verdict', 'why'].map((title) => ({ title })),
    verdicts.map(({ point, receivedAt, keep, why }) => [
      point,
      formatTime(receivedAt),
      keep ? 'keep' : 'remove',
      harmless(why.join('; ')),
    ]),
  );
  const gone = verdicts.filter(({ keep }) => !keep).length;
  const sum = `${printable(job.name)} keeps ${formatKeep(rule)} (days in ${timeZone}): ${gone} of ${verdicts.length} would go\n`;
  return `${table}${sum}${blocked === undefined ? '' : `nothing is removed now: ${harmless(blocked)}\n`}`;
}
