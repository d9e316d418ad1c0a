import type { FastifyInstance } from 'fastify';
import type { Context } from '../context.ts';
import { jobNamed } from '../db/jobs.ts';
import { repositoryNamed } from '../db/repositories.ts';
import { existingRun, listRuns } from '../db/runs.ts';
import { listWarnings } from '../db/warnings.ts';
import { giveForRun } from '../keys/give-password.ts';
import { pathFields } from '../resources/paths.ts';
import { runResource } from '../resources/run.ts';
import { cancelRun } from '../schedule/cancel-run.ts';
import { serve } from './serve.ts';

export function serveRuns(app: FastifyInstance, context: Context): void {
  const { db } = context;

  serve(app, 'listRuns', async ({ query }) => {
    const jobId = query.job === undefined ? undefined : (await jobNamed(db, query.job)).id;
    const repositoryId = query.repository === undefined ? undefined : (await repositoryNamed(db, query.repository)).id;
    const { items, ...next } = await listRuns(db, query, { jobId, repositoryId, state: query.state });
    return { items: items.map((run) => runResource(context, run)), ...next };
  });

  serve(app, 'getRun', async ({ params }) => runResource(context, await existingRun(db, params.id)));

  serve(app, 'listWarnings', async ({ params, query }) => {
    const { id } = await existingRun(db, params.id);
    const { items, ...next } = await listWarnings(db, id, query);
    return { items: items.map(({ path, code, message }) => ({ ...pathFields(path), code, message })), ...next };
  });

  serve(app, 'giveRunPassword', async ({ params, body }) => {
    await giveForRun(context, await existingRun(db, params.id), body.password);
    return runResource(context, await existingRun(db, params.id));
  });

  serve(app, 'cancelRun', async ({ params }) => {
    await cancelRun(context, await existingRun(db, params.id));
    return runResource(context, await existingRun(db, params.id));
  });
}
