import type { ControlPeer, StoredPoint } from '@sealift/wire';
import type { Context } from '../context.ts';
import { recordStored } from '../db/kept-points.ts';
import { pointIn, presentPointIn } from '../db/point-copies.ts';
import { type Point, presentPoint } from '../db/points.ts';
import { PATIENCE, targetOf } from './target-of.ts';

type Ask = (
  peer: ControlPeer,
  of: { repositoryId: string; pointId: string },
  limit: AbortSignal,
) => Promise<StoredPoint>;

/** A point, or with the id of a repository its copy there. */
export interface PointPlace {
  pointId: string;
  from: string | undefined;
}

/** Has the target lock, hold or release a point, and records how it stands then. */
export async function changeKeeping(
  context: Context,
  { pointId, from }: PointPlace,
  what: string,
  ask: Ask,
): Promise<Point> {
  const { db, log } = context;
  const point = await (from === undefined ? presentPoint(db, pointId) : presentPointIn(db, pointId, from));
  const { session } = await targetOf(context, point.repository.id);
  const of = { repositoryId: point.repository.id, pointId: point.id };
  const told = await ask(session.peer, of, AbortSignal.timeout(PATIENCE));
  const change = recordStored(point, told);
  if (change !== undefined) await db.batch([change]);
  const { lockedUntil, hold } = told;
  log.info(
    { audit: what, job: point.job.name, point: point.id, lockedUntil, hold: hold?.reason },
    'recovery point kept',
  );
  return await pointIn(db, point.id, point.repository.id);
}
