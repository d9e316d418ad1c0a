import type { KeepRule } from '@sealift/wire';
import type { Context } from '../context.ts';
import type { CopyRule } from '../db/copy-rules.ts';
import { completePoints, pointsBeingRestored } from '../db/kept-points.ts';
import { type CopiedPoint, copiedPoints } from '../db/point-copies.ts';
import type { Point } from '../db/points.ts';
import { type Candidate, plan, type Verdict } from '../retention/plan.ts';

/**
 * The time by which a rule counts a copy: when its original was received, or a first copy would have all points of years be
 * of one day. Never later than the copy itself: what the first target says cannot make a copy younger than it is.
 */
export function reckonedAt({ copy, original }: CopiedPoint): number {
  const receivedAt = copy.receivedAt ?? copy.createdAt;
  return Math.min(original.receivedAt ?? receivedAt, receivedAt);
}

export function candidateOf({ id, sequence }: Point, receivedAt: number, complete: Set<string>): Candidate {
  return { id, receivedAt, sequence, complete: complete.has(id) };
}

/** What a rule means for the copies of one job, newest first. `now` is the time of their target. */
export async function judgeCopies(
  { db, calendar }: Context,
  { from, to }: CopyRule,
  { jobId, keep, now }: { jobId: string; keep: KeepRule | undefined; now: number },
): Promise<{ point: Point; reckonedAt: number; verdict: Verdict }[]> {
  const copies = await copiedPoints(db, { jobId, from: from.id, to: to.id });
  const there = copies.filter(({ copy }) => copy.missingSince === undefined);
  const complete = await completePoints(db, jobId);
  const busy = await pointsBeingRestored(db, jobId, to.id);
  const known = new Map(there.map((copied) => [copied.copy.id, copied]));
  const candidates = there.map((copied): Candidate => {
    const { id, lockedUntil, hold } = copied.copy;
    const held = busy.has(id) ? 'a restore reads it' : hold?.reason;
    return {
      ...candidateOf(copied.copy, reckonedAt(copied), complete),
      ...(lockedUntil === undefined ? {} : { lockedUntil }),
      ...(held === undefined ? {} : { held }),
    };
  });
  return plan(candidates, keep, { calendar, now }).map((verdict) => {
    const copied = known.get(verdict.id) as CopiedPoint;
    return { verdict, point: copied.copy, reckonedAt: reckonedAt(copied) };
  });
}
