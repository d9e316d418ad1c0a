import { toFailure } from '@sealift/core';
import type { DeletionResource } from '@sealift/wire';
import type { Context } from '../context.ts';
import { addDeletion, type Deletion } from '../db/deletions.ts';
import { cancelIntent, intentOf, pointsBeingRestored, recordIntent, recordRemoval } from '../db/kept-points.ts';
import type { Point } from '../db/points.ts';
import { fail } from '../failures.ts';
import { isoTime } from '../resources/time.ts';
import { PATIENCE, targetOf } from './target-of.ts';

/** Bytes that the log of removals at the target has for a reason, with room for what cutting may add. */
const LONGEST_REASON = 1000;

export interface Order {
  /** `retention`, or who asked for it. */
  by: string;
  reason: string;
}

/**
 * Has the target remove a point, and writes down what came of it. The target judges by itself: what it refuses is told
 * and kept in the log, never overridden. Throws only when nobody knows what came of it, as when the target is away.
 */
export async function removePoint(context: Context, point: Point, order: Order): Promise<Deletion> {
  const { db } = context;
  const { session } = await targetOf(context, point.repository.id);
  if ((await pointsBeingRestored(db, point.job.id, readFrom(point))).has(point.id)) {
    throw fail('point-in-use', `The recovery point ${point.id} is being restored.`);
  }
  // First what is wanted: if the answer is lost, the point's absence is no riddle.
  await recordIntent(db, point, order);
  const reason = Buffer.from(`${order.by}: ${order.reason}`).toString('utf8', 0, LONGEST_REASON);
  const asked = { repositoryId: point.repository.id, pointId: point.id, reason };
  try {
    await session.peer.call('point.remove', asked, AbortSignal.timeout(PATIENCE));
    return await settle(context, point, order, { outcome: 'removed' });
  } catch (thrown) {
    const failure = toFailure(thrown);
    if (failure.code === 'point-missing') return await settle(context, point, order, { outcome: 'gone' });
    if (failure.kind !== 'refused' && failure.code !== 'lock-damaged') throw failure;
    await cancelIntent(db, point);
    return await settle(context, point, order, { outcome: 'refused', failure: failure.toJSON() });
  }
}

/** True for a point that was to be removed when the answer of its target was lost: its absence shows that it was. */
export async function settleLostRemoval(context: Context, point: Point): Promise<boolean> {
  const order = await intentOf(context.db, point);
  if (order === undefined) return false;
  await settle(context, point, order, { outcome: 'removed' });
  return true;
}

/** What a restore of this very copy says that it reads from; of an original nothing. */
function readFrom({ copy, repository }: Point): string | undefined {
  return copy === true ? repository.id : undefined;
}

async function settle(
  context: Context,
  point: Point,
  { by, reason }: Order,
  result: Pick<Deletion, 'outcome' | 'failure'>,
): Promise<Deletion> {
  const { db, log, events, metrics } = context;
  const at = Date.now();
  const { id: pointId, job, repository, lockedUntil } = point;
  const until = result.outcome === 'refused' && lockedUntil !== undefined ? { lockedUntil } : {};
  const deletion = { at, pointId, job, repository, by, reason, ...result, ...until };
  const gone = result.outcome === 'refused' ? [] : [recordRemoval(point, { at, by, reason })];
  await db.batch([...gone, addDeletion(deletion)]);
  const level = result.outcome === 'refused' ? 'warn' : 'info';
  log[level](
    { audit: 'deletion', job: job.name, point: pointId, by, reason, ...result },
    'removal of a recovery point',
  );
  metrics.countDeletion(job.name, result.outcome);
  events.publish({ type: 'point.deletion', data: deletionResource(deletion) });
  return deletion;
}

export function deletionResource({ at, pointId, lockedUntil, ...rest }: Deletion): DeletionResource {
  return {
    at: isoTime(at),
    point: pointId,
    ...rest,
    ...(lockedUntil === undefined ? {} : { lockedUntil: isoTime(lockedUntil) }),
  };
}
