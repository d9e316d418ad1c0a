import type { PointResource } from '@sealift/wire';
import type { Point } from '../db/points.ts';
import { isoTime } from './time.ts';

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
  ...point
}: Point): PointResource {
  return {
    ...point,
    hash: hash.toString('hex'),
    createdAt: isoTime(createdAt),
    ...(authority === undefined ? {} : { authority: authority.fingerprint }),
    ...(receivedAt === undefined ? {} : { receivedAt: isoTime(receivedAt) }),
    ...(lockedUntil === undefined ? {} : { lockedUntil: isoTime(lockedUntil) }),
    ...(hold === undefined ? {} : { hold: { ...hold, since: isoTime(hold.since) } }),
    ...(missingSince === undefined ? {} : { missingSince: isoTime(missingSince) }),
    ...(removed === undefined ? {} : { removed: { ...removed, at: isoTime(removed.at) } }),
  };
}
