import type { Context } from '../context.ts';
import { type CopyRule, jobsOfCopyRule } from '../db/copy-rules.ts';
import { completePoints } from '../db/kept-points.ts';
import { copiedPoints, pointsToCopy } from '../db/point-copies.ts';
import type { Point } from '../db/points.ts';
import { plan } from '../retention/plan.ts';
import { candidateOf, reckonedAt } from './judge-copies.ts';

/**
 * The points that a standing copy is to bring over, oldest first: those that were never there and that its rule keeps among
 * all that would be there then. One that retention has removed there is not brought again.
 */
export async function wantedPoints(context: Context, rule: CopyRule): Promise<Point[]> {
  const wanted: Point[] = [];
  for (const jobId of await jobsOfCopyRule(context.db, rule)) {
    wanted.push(...(await wantedOfJob(context, rule, { jobId, keep: rule.keep })));
  }
  return wanted.toSorted(byAge);
}

export async function wantedOfJob(
  { db, calendar }: Context,
  { from, to }: CopyRule,
  { jobId, keep }: { jobId: string; keep: CopyRule['keep'] },
): Promise<Point[]> {
  const lacking = await pointsToCopy(db, { from: from.id, to: to.id, jobId });
  if (keep === undefined || lacking.length === 0) return lacking;
  const there = await copiedPoints(db, { jobId, from: from.id, to: to.id });
  const complete = await completePoints(db, jobId);
  const candidates = [
    ...there.map((copied) => candidateOf(copied.copy, reckonedAt(copied), complete)),
    ...lacking.map((point) => candidateOf(point, point.receivedAt ?? point.createdAt, complete)),
  ];
  const kept = new Set(plan(candidates, keep, { calendar, now: 0 }).flatMap(({ id, wanted }) => (wanted ? [id] : [])));
  return lacking.filter(({ id }) => kept.has(id));
}

export function byAge(a: Point, b: Point): number {
  return a.createdAt - b.createdAt || (a.id < b.id ? -1 : 1);
}
