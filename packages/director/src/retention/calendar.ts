import { fail } from '../failures.ts';

/** The spans of time of which a rule keeps one point each. */
export const SPANS = ['hourly', 'daily', 'weekly', 'monthly', 'yearly'] as const;
export type Span = (typeof SPANS)[number];

/** Names the hour, day, week, month and year, by the clocks of one place, in which an instant lies. */
export type Calendar = (instant: number) => Record<Span, string>;

const DAY = 24 * 3_600_000;

/**
 * The calendar of a time zone (`Europe/Berlin`). The hour that an autumn night has twice is two hours, told apart by
 * their distance from UTC; days of 23 and 25 hours are one day each. Weeks are those of ISO 8601.
 */
export function calendarOf(timeZone: string): Calendar {
  const format = formatterOf(timeZone);
  return (instant) => {
    const parts = new Map(format.formatToParts(instant).map(({ type, value }) => [type, value]));
    const at = (part: Intl.DateTimeFormatPartTypes) => parts.get(part) ?? '';
    const [year, month, day] = [at('year'), at('month'), at('day')];
    const date = `${year}-${month}-${day}`;
    return {
      hourly: `${date} ${at('hour')}h ${at('timeZoneName')}`,
      daily: date,
      weekly: weekOf(Number(year), Number(month), Number(day)),
      monthly: `${year}-${month}`,
      yearly: year,
    };
  };
}

function formatterOf(timeZone: string): Intl.DateTimeFormat {
  try {
    return new Intl.DateTimeFormat('en-US', {
      timeZone,
      hourCycle: 'h23',
      year: 'numeric',
      month: '2-digit',
      day: '2-digit',
      hour: '2-digit',
      timeZoneName: 'longOffset',
    });
  } catch (cause) {
    throw fail('time-zone-unknown', `There is no time zone ${timeZone}.`, { cause });
  }
}

/** `2026-W53`: a week belongs to the year in which its Thursday lies. */
function weekOf(year: number, month: number, day: number): string {
  const date = Date.UTC(year, month - 1, day);
  const weekday = (new Date(date).getUTCDay() + 6) % 7;
  const thursday = new Date(date + (3 - weekday) * DAY);
  const number = Math.floor((thursday.getTime() - Date.UTC(thursday.getUTCFullYear(), 0, 1)) / DAY / 7) + 1;
  return `${thursday.getUTCFullYear()}-W${String(number).padStart(2, '0')}`;
}
