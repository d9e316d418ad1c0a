import type { RunResource } from '@sealift/wire';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Context } from '../context.ts';
import { copyOrder } from '../copies/copy-spec.ts';
import { type Repository, repositoryNamed } from '../db/repositories.ts';
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

  serve(app, 'startMasterKeyRotation', async ({ params, body, request }) => {
    const repository = await repositoryNamed(context.db, params.id);
    const id = await creationId(context.db, request, 'rotate-master-key', [repository.id, body]);
    const epoch = context.repositories.of(repository.id)?.keys?.epoch;
    const spec = epoch === undefined ? body : { ...body, beyond: epoch };
    return await queued(context, id, repository, { kind: 'rotate-master-key', spec });
  });

  serve(app, 'startCopy', async ({ params, body, request }) => {
    const from = await repositoryNamed(context.db, params.id);
    const id = await creationId(context.db, request, 'copy', [from.id, body]);
    const known = await runById(context.db, id);
    if (known !== undefined) return runResource(context, known);
    const { spec, copyFor } = await copyOrder(context, from, body);
    return runResource(context, await queueUpkeep(context, id, from, { kind: 'copy', spec }, copyFor));
  });
}

async function start(
  context: Context,
  request: FastifyRequest,
  reference: string,
  upkeep: Upkeep,
): Promise<RunResource> {
  const repository = await repositoryNamed(context.db, reference);
  const id = await creationId(context.db, request, upkeep.kind, [repository.id, upkeep]);
  return await queued(context, id, repository, upkeep);
}

async function queued(context: Context, id: string, repository: Repository, upkeep: Upkeep): Promise<RunResource> {
  return runResource(context, (await runById(context.db, id)) ?? (await queueUpkeep(context, id, repository, upkeep)));
}
