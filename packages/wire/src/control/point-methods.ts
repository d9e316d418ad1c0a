import { type Static, Type } from 'typebox';
import { Count, Digest, FailureFields, Instant, record, text, Uuid } from './fields.ts';

/** At most this many recovery points in one page of `point.list`, so that it stays under the frame limit. */
export const MAX_POINTS_PAGE = 400;
/** Longest reason of a hold or a removal, characters. It is stored at the target in at most 1024 bytes. */
export const MAX_REASON = 250;
const MAX_PROBLEMS = 20;

const point = { repositoryId: Uuid, pointId: Uuid };

/** A recovery point as its target tells of it. Times are those of the target's clock. */
export const StoredPoint = record({
  id: Uuid,
  jobId: Uuid,
  hash: Digest,
  receivedAt: Instant,
  /** It cannot be removed before. */
  lockedUntil: Type.Optional(Instant),
  /** It cannot be removed until it is released. */
  hold: Type.Optional(record({ reason: text(1024), since: Instant })),
});
export type StoredPoint = Static<typeof StoredPoint>;

/** What the Director asks of a target about the recovery points it keeps. The target alone judges locks and holds. */
export const POINT_METHODS = {
  /** One page, ordered by id, of all points or those of one job, and what is wrong with the repository. */
  'point.list': {
    caller: 'director',
    params: record({ repositoryId: Uuid, jobId: Type.Optional(Uuid), after: Type.Optional(Uuid) }),
    result: record({
      points: Type.Array(StoredPoint, { maxItems: MAX_POINTS_PAGE }),
      /** Id of the last point of this page, when more follow. */
      next: Type.Optional(Uuid),
      /** The time by which locks are judged. */
      now: Instant,
      /** For how long every new point is locked at least, ms. */
      leastLock: Count,
      /** The latest; clocks that jumped among them. */
      problems: Type.Array(FailureFields, { maxItems: MAX_PROBLEMS }),
    }),
  },
  /** Durable once it is answered. Refused with `point-locked`, `point-held`, or `point-missing`. */
  'point.remove': { caller: 'director', params: record({ ...point, reason: text(1024) }), result: record({}) },
  /** Locks a point, or extends its lock; refused when that would shorten it. */
  'point.lock': { caller: 'director', params: record({ ...point, until: Instant }), result: StoredPoint },
  'point.hold': { caller: 'director', params: record({ ...point, reason: text(MAX_REASON) }), result: StoredPoint },
  'point.release': { caller: 'director', params: record(point), result: StoredPoint },
  /** Lengthens the period for which every new point is locked; refused when that would shorten it. */
  'repository.lengthen-lock': {
    caller: 'director',
    params: record({ repositoryId: Uuid, period: Count }),
    result: record({ period: Count }),
  },
} as const;
