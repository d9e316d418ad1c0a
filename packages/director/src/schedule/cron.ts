import { Cron } from 'croner';
import { fail } from '../failures.ts';

/** When something is due: the first such instant after another, ms since 1970; undefined for never. */
export type DueTimes = (after: number) => number | undefined;

/** The times of a cron expression of five fields in a time zone. `schedule-invalid` for any other text. */
export function dueTimes(expression: string, timeZone: string): DueTimes {
  const cron = parse(expression, timeZone);
  return (after) => cron.nextRun(new Date(after))?.getTime();
}

/** Refuses what is no expression, and one that is never due, such as the 31st of February. */
export function checkSchedule(expression: string, timeZone: string): void {
  if (dueTimes(expression, timeZone)(Date.now()) !== undefined) return;
  throw fail('schedule-invalid', `The schedule '${expression}' names a time that never comes.`);
}

function parse(expression: string, timeZone: string): Cron {
  try {
    // Without a function it starts no timer: it only calculates.
    return new Cron(expression, { timezone: timeZone, mode: '5-part' });
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw fail('schedule-invalid', `'${expression}' is no schedule: ${why}`, { cause });
  }
}

/**
 * Whether a job has missed its time: since its last success, or since it has the schedule, it was due twice. So a run
 * that takes long, or begins a little late, is not overdue before the next one should have begun.
 */
export function isOverdue(due: DueTimes, since: number, now: number): boolean {
  const first = due(since);
  const second = first === undefined ? undefined : due(first);
  return second !== undefined && second <= now;
}
