import type { PointResource } from '@sealift/wire';
import type { PointCopy } from '../db/point-copies.ts';
import type { Point } from '../db/points.ts';
import { isoTime } from './time.ts';

/** What keeps a point, where some of it may be unknown. */
type Bonds = { [K in 'lockedUntil' | 'hold' | 'missingSince']?: Point[K] | undefined };

export function pointResource({
  hash,
  createdAt,
  receivedAt,
  lockedUntil,
  hold,
  missingSince,
  removed,
  domain: _,
  runsHash: __,
  descriptorHash: ___,
  authority,
  copy: ____,
  zone: _____,
  ...point
}: Point): PointResource {
  return {
    ...point,
    hash: hash.toString('hex'),
    createdAt: isoTime(createdAt),
    ...(authority === undefined ? {} : { authority: authority.fingerprint }),
    ...(receivedAt === undefined ? {} : { receivedAt: isoTime(receivedAt) }),
    ...bondsOf({ lockedUntil, hold, missingSince }),
    ...(removed === undefined ? {} : { removed: { ...removed, at: isoTime(removed.at) } }),
  };
}

/** A copy of a point, told with its original. */
export function copyResource({ repository, receivedAt, ...bonds }: PointCopy) {
  return { repository, receivedAt: isoTime(receivedAt), ...bondsOf(bonds) };
}

function bondsOf({ lockedUntil, hold, missingSince }: Bonds) {
  return {
    ...(lockedUntil === undefined ? {} : { lockedUntil: isoTime(lockedUntil) }),
    ...(hold === undefined ? {} : { hold: { ...hold, since: isoTime(hold.since) } }),
    ...(missingSince === undefined ? {} : { missingSince: isoTime(missingSince) }),
  };
}
