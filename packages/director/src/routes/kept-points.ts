import { failureFromRecord } from '@sealift/core';
import type { FastifyInstance } from 'fastify';
import type { Context } from '../context.ts';
import type { Deletion } from '../db/deletions.ts';
import { pointById } from '../db/points.ts';
import { fail } from '../failures.ts';
import { pointResource } from '../resources/point.ts';
import { changeKeeping } from '../retention/keep-point.ts';
import { removePoint } from '../retention/remove-point.ts';
import { serve } from './serve.ts';

/** Whoever has the one token there is. */
const ADMINISTRATOR = 'administrator';

/** What somebody has done with single recovery points. */
export function serveKeptPoints(app: FastifyInstance, context: Context): void {
  const { db, turns } = context;

  serve(app, 'removePoint', async ({ params, body }) =>
    turns.run(async () => {
      const point = await pointById(db, params.id);
      if (point.removed === undefined) {
        const order = { by: ADMINISTRATOR, reason: body.reason ?? 'asked for' };
        throwRefusal(await removePoint(context, point, order));
      }
      return pointResource(await pointById(db, point.id));
    }),
  );

  serve(app, 'holdPoint', async ({ params, body }) =>
    turns.run(async () => {
      const reason = body.reason ?? 'asked for';
      return pointResource(
        await changeKeeping(context, params.id, 'hold', (peer, of, limit) =>
          peer.call('point.hold', { ...of, reason }, limit),
        ),
      );
    }),
  );

  serve(app, 'releasePoint', async ({ params }) =>
    turns.run(async () =>
      pointResource(
        await changeKeeping(context, params.id, 'release', (peer, of, limit) => peer.call('point.release', of, limit)),
      ),
    ),
  );

  serve(app, 'lockPoint', async ({ params, body }) =>
    turns.run(async () => {
      const until = Date.parse(body.until);
      if (!(until > 0)) throw fail('request-invalid', `${body.until} is no time after 1970.`);
      return pointResource(
        await changeKeeping(context, params.id, 'lock', (peer, of, limit) =>
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
