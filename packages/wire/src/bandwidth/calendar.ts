import { fail } from '../failures.ts';

/** Bytes a second at an instant (ms since 1970); undefined: as fast as it goes. */
export type RateAt = (now: number) => number | undefined;

/** Longest text of a limit. */
export const LONGEST_BANDWIDTH = 200;

const MIB = 1024 * 1024;
const FACTORS: Record<string, number> = { '': MIB, k: 1024, m: MIB, g: 1024 * MIB };
const RATE = /^(\d{1,9}(?:\.\d{1,3})?)([kmg]?)(?:i?b)?(?:\/s)?$/i;
/** Less would not even carry questions and acknowledgements. */
const LEAST_RATE = 1024;

const DAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];
const CLOCK = /^([01]\d|2[0-4]):([0-5]\d)-([01]\d|2[0-4]):([0-5]\d)$/;
const MINUTES_A_DAY = 24 * 60;

interface Rule {
  /** By number, Sunday 0. */
  days: ReadonlySet<number>;
  /** Minutes of the day; an end before the beginning is on the next day. */
  from: number;
  to: number;
  rate: number | undefined;
}

interface Moment {
  day: number;
  minute: number;
}

/**
 * Reads a bandwidth limit: one rate, and rules behind semicolons for days and hours, of which the last that applies counts.
 * `20M; mon-fri 08:00-18:00 2M; sun unlimited`. A number alone means MiB a second.
 *
 * @throws Failure `bandwidth-invalid`
 */
export function parseBandwidth(text: string, timeZone: string): RateAt {
  if (text.length > LONGEST_BANDWIDTH) throw invalid(text, `it has more than ${LONGEST_BANDWIDTH} characters`);
  const rules = text.split(';').map((part) => parseRule(text, part.trim().toLowerCase()));
  const momentOf = clockOf(timeZone);
  return (now) => {
    const moment = momentOf(now);
    return rules.findLast((rule) => applies(rule, moment))?.rate;
  };
}

/** `20M`, `512K`, `1.5G`, `20` (MiB): bytes a second. @throws Failure `bandwidth-invalid` */
export function parseRate(text: string): number {
  const [, number, letter = ''] = RATE.exec(text) ?? [];
  const rate = Math.round(Number(number) * (FACTORS[letter.toLowerCase()] ?? Number.NaN));
  if (Number.isSafeInteger(rate) && rate >= LEAST_RATE) return rate;
  throw invalid(text, 'a rate is a number of MiB a second, or one with K, M or G, at least 1K');
}

function parseRule(text: string, part: string): Rule {
  const words = part.split(/\s+/);
  const rate = words.pop() as string;
  const hours = CLOCK.exec(words.at(-1) ?? '');
  if (hours !== null) words.pop();
  const days = words.pop();
  if (words.length > 0) throw invalid(text, `'${part}' is not [DAYS] [HH:MM-HH:MM] RATE`);
  return {
    days: days === undefined ? new Set(DAYS.keys()) : parseDays(text, days),
    ...parseHours(text, hours),
    rate: rate === 'unlimited' ? undefined : parseRate(rate),
  };
}

function parseHours(text: string, hours: RegExpExecArray | null): Pick<Rule, 'from' | 'to'> {
  if (hours === null) return { from: 0, to: MINUTES_A_DAY };
  const [from = 0, fromMinute = 0, to = 0, toMinute = 0] = hours.slice(1).map(Number);
  const window = { from: from * 60 + fromMinute, to: to * 60 + toMinute };
  if (Math.max(window.from, window.to) > MINUTES_A_DAY) throw invalid(text, `'${hours[0]}' is past the end of the day`);
  if (window.from === window.to) throw invalid(text, `'${hours[0]}' is no time at all`);
  return window;
}

/** `mon`, `mon-fri`, `fri-mon`, `sat,sun`. */
function parseDays(text: string, days: string): Set<number> {
  const numbers = days.split(',').flatMap((range) => {
    const [first = -1, last = first, ...rest] = range.split('-').map((day) => DAYS.indexOf(day));
    if (first < 0 || last < 0 || rest.length > 0)
      throw invalid(text, `'${range}' names no days such as mon-fri or sat,sun`);
    return Array.from({ length: ((last - first + 7) % 7) + 1 }, (_, i) => (first + i) % 7);
  });
  return new Set(numbers);
}

function applies({ days, from, to }: Rule, { day, minute }: Moment): boolean {
  if (from < to) return days.has(day) && minute >= from && minute < to;
  return (days.has(day) && minute >= from) || (days.has((day + 6) % 7) && minute < to);
}

/** The day of the week and the minute of the day in a time zone. */
function clockOf(timeZone: string): (now: number) => Moment {
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone,
    weekday: 'short',
    hour: 'numeric',
    minute: 'numeric',
    hourCycle: 'h23',
  });
  return (now) => {
    const parts = Object.fromEntries(format.formatToParts(now).map(({ type, value }) => [type, value]));
    const day = DAYS.indexOf((parts.weekday ?? '').toLowerCase());
    return { day, minute: Number(parts.hour) * 60 + Number(parts.minute) };
  };
}

function invalid(text: string, why: string) {
  return fail('bandwidth-invalid', `'${text}' is no bandwidth limit: ${why}.`);
}
