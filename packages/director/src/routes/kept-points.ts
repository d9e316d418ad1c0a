import { failureFromRecord } from '@sealift/core';
import type { FastifyInstance } from 'fastify';
import type { Context } from '../context.ts';
import type { Deletion } from '../db/deletions.ts';
import { pointIn } from '../db/point-copies.ts';
import { pointById } from '../db/points.ts';
import { repositoryNamed } from '../db/repositories.ts';
import { fail } from '../failures.ts';
import { pointResource } from '../resources/point.ts';
import { changeKeeping, type PointPlace } from '../retention/keep-point.ts';
import { removePoint } from '../retention/remove-point.ts';
import { serve } from './serve.ts';

/** Whoever has the one token there is. */
const ADMINISTRATOR = 'administrator';

/** What somebody has done with single recovery points. */
export function serveKeptPoints(app: FastifyInstance, context: Context): void {
  const { db, turns } = context;

  /** The copy is meant where a repository is named. */
  const placeOf = async ({ params, query }: { params: { id: string }; query: { from?: string } }) => {
    const from = query.from === undefined ? undefined : (await repositoryNamed(db, query.from)).id;
    return { pointId: params.id, from };
  };
  const standing = ({ pointId, from }: PointPlace) =>
    from === undefined ? pointById(db, pointId) : pointIn(db, pointId, from);

  serve(app, 'removePoint', async ({ params, query, body }) =>
    turns.run(async () => {
      const place = await placeOf({ params, query });
      const point = await standing(place);
      if (point.removed === undefined) {
        const order = { by: ADMINISTRATOR, reason: body.reason ?? 'asked for' };
        throwRefusal(await removePoint(context, point, order));
      }
      return pointResource(await standing(place));
    }),
  );

  serve(app, 'holdPoint', async ({ params, query, body }) =>
    turns.run(async () => {
      const reason = body.reason ?? 'asked for';
      return pointResource(
        await changeKeeping(context, await placeOf({ params, query }), 'hold', (peer, of, limit) =>
          peer.call('point.hold', { ...of, reason }, limit),
        ),
      );
    }),
  );

  serve(app, 'releasePoint', async ({ params, query }) =>
    turns.run(async () =>
      pointResource(
        await changeKeeping(context, await placeOf({ params, query }), 'release', (peer, of, limit) =>
          peer.call('point.release', of, limit),
        ),
      ),
    ),
  );

  serve(app, 'lockPoint', async ({ params, query, body }) =>
    turns.run(async () => {
      const until = Date.parse(body.until);
      if (!(until > 0)) throw fail('request-invalid', `${body.until} is no time after 1970.`);
      return pointResource(
        await changeKeeping(context, await placeOf({ params, query }), 'lock', (peer, of, limit) =>
          peer.call('point.lock', { ...of, until }, limit),
        ),
      );
    }),
  );
}

/** The target's own word, code and advice. */
function throwRefusal({ failure }: Deletion): void {
  if (failure !== undefined) throw failureFromRecord(failure);
}
