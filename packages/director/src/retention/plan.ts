import type { KeepRule } from '@sealift/wire';
import { type Calendar, SPANS, type Span } from './calendar.ts';

/** A recovery point as a rule looks at it. */
export interface Candidate {
  id: string;
  /**
   * Clock of the target, ms since 1970. The time that the source claims plays no part: whoever takes a source over could
   * forge it, and have one point stand for years of others.
   */
  receivedAt: number;
  /** Place in its chain; decides between points that were received at the same instant. */
  sequence: number;
  /** Whether its run could read everything. */
  complete: boolean;
  /** ms since 1970 on the clock of the target. */
  lockedUntil?: number;
  /** Reason of a hold. */
  held?: string;
}

export interface Verdict {
  id: string;
  keep: boolean;
  /** What keeps it, or why it goes; never empty. */
  why: string[];
  /** Whether the rule, or being the newest, keeps it: a lock or hold alone only puts its end off. */
  wanted: boolean;
}

/**
 * Decides for each point of a job, newest first. Every part of a rule looks at the points on its own: `daily=7` keeps the
 * newest point of each of the seven latest days that have one. So a larger number never removes more, and removing what
 * is to go and asking again removes nothing. The newest point, and the newest complete one, always stay. Without a rule
 * everything does.
 */
export function plan(
  points: Candidate[],
  rule: KeepRule | undefined,
  { calendar, now }: { calendar: Calendar; now: number },
): Verdict[] {
  const newestFirst = points.toSorted((a, b) => b.receivedAt - a.receivedAt || b.sequence - a.sequence || order(a, b));
  const reasons = new Map<string, string[]>(newestFirst.map(({ id }) => [id, []]));
  const keep = (id: string | undefined, why: string) => reasons.get(id ?? '')?.push(why);
  if (rule === undefined) for (const { id } of newestFirst) keep(id, 'no rule: everything is kept');
  else applyRule(newestFirst, rule, calendar, keep);
  protectNewest(newestFirst, keep);
  return newestFirst.map((point) => verdictOf(point, reasons.get(point.id) ?? [], now));
}

/** Whether hardly more than the newest point would be left of several. */
export function leavesOnlyNewest(verdicts: Verdict[]): boolean {
  return verdicts.some(({ keep }) => !keep) && verdicts.filter(({ wanted }) => wanted).length <= 1;
}

/** Whether a rule asks for no point at all. */
export function isEmptyRule(rule: KeepRule): boolean {
  return Object.values(rule).every((count) => count === 0);
}

type Keep = (id: string | undefined, why: string) => void;

function applyRule(newestFirst: Candidate[], rule: KeepRule, calendar: Calendar, keep: Keep): void {
  const { last = 0 } = rule;
  for (const [i, { id }] of newestFirst.slice(0, last).entries()) keep(id, `last ${i + 1} of ${last}`);
  const wanted = SPANS.filter((span) => (rule[span] ?? 0) > 0);
  const seen = new Map<Span, Set<string>>(wanted.map((span) => [span, new Set()]));
  for (const { id, receivedAt } of wanted.length === 0 ? [] : newestFirst) {
    const dates = calendar(receivedAt);
    for (const span of wanted) {
      const [taken, most] = [seen.get(span) as Set<string>, rule[span] ?? 0];
      if (taken.size >= most || taken.has(dates[span])) continue;
      taken.add(dates[span]);
      keep(id, `${span} ${taken.size} of ${most} (${dates[span]})`);
    }
  }
}

function protectNewest(newestFirst: Candidate[], keep: Keep): void {
  const [newest] = newestFirst;
  const complete = newestFirst.find((point) => point.complete);
  keep(newest?.id, 'the newest recovery point');
  if (complete !== newest) keep(complete?.id, 'the newest whose run could read everything');
}

function verdictOf({ id, lockedUntil = 0, held }: Candidate, reasons: string[], now: number): Verdict {
  const bonds = [
    ...(lockedUntil > now ? [`locked until ${new Date(lockedUntil).toISOString()}`] : []),
    ...(held === undefined ? [] : [`held: ${held}`]),
  ];
  const why = [...reasons, ...bonds];
  const wanted = reasons.length > 0;
  return why.length > 0 ? { id, keep: true, why, wanted } : { id, keep: false, why: ['nothing keeps it'], wanted };
}

function order(a: Candidate, b: Candidate): number {
  return a.id < b.id ? 1 : -1;
}
