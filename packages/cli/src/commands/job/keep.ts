import type { KeepRule } from '@sealift/wire';
import { fail } from '../../failures.ts';

const PARTS = ['last', 'hourly', 'daily', 'weekly', 'monthly', 'yearly'] as const;
const MOST = 10_000;

export const KEEP_HELP = 'recovery points to keep, last=3,daily=7,weekly=4,monthly=12,yearly=3, or all';

export const SCHEDULE_HELP =
  "when it runs: minute, hour, day, month, weekday in the Director's time zone, '30 2 * * *'; none: when asked for";

/** `last=3,daily=7` as a rule; `all` as null: everything is kept. */
export function parseKeep(text: string): KeepRule | null {
  if (text === 'all') return null;
  const rule: KeepRule = {};
  for (const item of text.split(',')) {
    const [word = '', count, ...rest] = item.trim().split('=');
    const part = PARTS.find((name) => name === word);
    if (part === undefined) throw usage(text, `'${word}' is none of ${PARTS.join(', ')}`);
    if (count === undefined || rest.length > 0) throw usage(text, `'${item.trim()}' is not ${part}=NUMBER`);
    if (!/^[0-9]+$/.test(count) || Number(count) > MOST)
      throw usage(text, `${part} must be 0 to ${MOST}, not '${count}'`);
    if (rule[part] !== undefined) throw usage(text, `${part} is given twice`);
    rule[part] = Number(count);
  }
  return rule;
}

/** Days from the command line. */
export function parseDays(option: string, text: string): number {
  if (!/^[0-9]{1,6}$/.test(text)) throw fail('usage', `${option} must be a number of days, not '${text}'`);
  return Number(text);
}

export function formatKeep(rule: KeepRule | undefined): string {
  if (rule === undefined) return 'all';
  const parts = PARTS.filter((part) => rule[part] !== undefined).map((part) => `${part}=${rule[part]}`);
  return parts.length === 0 ? 'none' : parts.join(',');
}

function usage(text: string, what: string) {
  return fail('usage', `--keep ${text}: ${what}`);
}

/** What the `update` commands of jobs and standing copies can change. */
export interface KeepOptions {
  schedule?: string;
  keep?: string;
  immutable?: string;
  yes?: boolean;
}

/** The body of the request, with what else is changed. @throws Failure `usage` when nothing is to be changed */
export function keepChanges<T extends object>({ schedule, keep, immutable, yes }: KeepOptions, others?: T) {
  if ([schedule, keep, immutable, ...Object.values(others ?? {})].every((option) => option === undefined)) {
    throw fail('usage', 'nothing to change: give --schedule, --keep, --immutable or another option');
  }
  return {
    ...(schedule === undefined ? {} : { schedule: schedule === 'none' ? null : schedule }),
    ...(keep === undefined ? {} : { keep: parseKeep(keep) }),
    ...(immutable === undefined ? {} : { immutableDays: parseDays('--immutable', immutable) }),
    ...(yes === undefined ? {} : { confirm: yes }),
    ...others,
  };
}
