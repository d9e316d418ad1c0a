import type { RunResource } from '@sealift/wire';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Context } from '../context.ts';
import { repositoryNamed } from '../db/repositories.ts';
import type { Upkeep } from '../db/run.ts';
import { runById } from '../db/runs.ts';
import { runResource } from '../resources/run.ts';
import { queueUpkeep } from '../schedule/queue-upkeep.ts';
import { creationId } from './creation.ts';
import { serve } from './serve.ts';

/** Tasks on a repository. */
export function serveUpkeep(app: FastifyInstance, context: Context): void {
  serve(app, 'startVerification', ({ params, body, request }) =>
    start(context, request, params.id, { kind: 'verify', spec: body }),
  );

  serve(app, 'startRepair', ({ params, body, request }) =>
    start(context, request, params.id, { kind: 'repair', spec: body }),
  );

  serve(app, 'startCollection', ({ params, body, request }) =>
    start(context, request, params.id, { kind: 'collect', spec: body }),
  );

  serve(app, 'startMasterKeyRotation', ({ params, body, request }) =>
    start(context, request, params.id, { kind: 'rotate-master-key', spec: body }),
  );
}

async function start(
  context: Context,
  request: FastifyRequest,
  reference: string,
  upkeep: Upkeep,
): Promise<RunResource> {
  const repository = await repositoryNamed(context.db, reference);
  const id = await creationId(context.db, request, upkeep.kind, [repository.id, upkeep]);
  return runResource(context, (await runById(context.db, id)) ?? (await queueUpkeep(context, id, repository, upkeep)));
}
