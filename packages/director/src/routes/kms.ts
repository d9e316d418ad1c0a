import { toFailure } from '@sealift/core';
import type { KmsResource } from '@sealift/wire';
import type { FastifyInstance } from 'fastify';
import type { Context } from '../context.ts';
import { countWrapped } from '../db/password-epochs.ts';
import { rewrapAll } from '../keys/rewrap.ts';
import { countSlotWraps } from '../keys/rewrap-slots.ts';
import { serve } from './serve.ts';

export function serveKms(app: FastifyInstance, context: Context): void {
  serve(app, 'getKms', async () => {
    await context.wrapping.probe();
    return await resource(context);
  });

  serve(app, 'rewrapKeys', async () => {
    try {
      await rewrapAll(context, context.signal);
    } catch (thrown) {
      context.log.warn({ failure: toFailure(thrown) }, 'not everything could be wrapped anew');
      throw thrown;
    }
    return await resource(context);
  });
}

async function resource(context: Context): Promise<KmsResource> {
  const { db, wrapping } = context;
  const { provider, keyRef } = wrapping.current;
  const failure = wrapping.failure;
  const [hashes, slots] = await Promise.all([countWrapped(db, wrapping.current), countSlotWraps(context)]);
  const wrapped = { current: hashes.current + slots.current, other: hashes.other + slots.other };
  if (failure === undefined) return { provider, keyRef, state: 'ready', wrapped };
  return { provider, keyRef, state: 'down', reason: failure.message, wrapped };
}
