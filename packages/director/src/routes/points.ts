import type { RequestPart } from '@sealift/wire';
import type { FastifyInstance } from 'fastify';
import type { Context } from '../context.ts';
import { jobNamed } from '../db/jobs.ts';
import { copiesOf, presentPointIn } from '../db/point-copies.ts';
import { listPoints, type Point, pointById, presentPoint } from '../db/points.ts';
import { repositoryNamed } from '../db/repositories.ts';
import type { Run } from '../db/run.ts';
import { addRun, existingRun, runById } from '../db/runs.ts';
import { transporterNamed } from '../db/transporters.ts';
import { fail } from '../failures.ts';
import { giveForPoint } from '../keys/give-password.ts';
import { copyResource, pointResource } from '../resources/point.ts';
import { runResource } from '../resources/run.ts';
import { opensWithoutPassword } from '../schedule/missing-key.ts';
import { publishRun } from '../schedule/run-end.ts';
import { creationId } from './creation.ts';
import { serve } from './serve.ts';

export function servePoints(app: FastifyInstance, context: Context): void {
  const { db } = context;

  serve(app, 'listPoints', async ({ query }) => {
    const jobId = query.job === undefined ? undefined : (await jobNamed(db, query.job)).id;
    const { items, ...next } = await listPoints(db, query, jobId);
    return { items: items.map(pointResource), ...next };
  });

  serve(app, 'getPoint', async ({ params }) => {
    const point = await pointById(db, params.id);
    const { domain } = point;
    const passwordNeeded = domain !== undefined && !(await opensWithoutPassword(context, domain));
    const copies = (await copiesOf(db, params.id)).map(copyResource);
    return { ...pointResource(point), passwordNeeded, ...(copies.length === 0 ? {} : { copies }) };
  });

  serve(app, 'givePointPassword', async ({ params, body }) => {
    const point = await presentPoint(db, params.id);
    await giveForPoint(context, point, body.password);
    return pointResource(point);
  });

  serve(app, 'restorePoint', async ({ params, body, request }) => {
    // A copy outlives the point that it was made of.
    const from = body.from === undefined ? undefined : (await repositoryNamed(db, body.from)).id;
    const point = await (from === undefined ? presentPoint(db, params.id) : presentPointIn(db, params.id, from));
    const id = await creationId(db, request, 'restorePoint', [point.id, body]);
    return runResource(context, (await runById(db, id)) ?? (await queue(context, id, point, { ...body, from })));
  });
}

async function queue(
  context: Context,
  id: string,
  point: Point,
  body: Omit<RequestPart<'restorePoint', 'body'>, 'from'> & { from: string | undefined },
): Promise<Run> {
  const { db, log } = context;
  const transporter = await transporterNamed(db, body.transporter);
  if (transporter.role === 'target') {
    throw fail('role-unfit', `${transporter.name} is a target; data is restored by a source.`);
  }
  const restore = {
    pointId: point.id,
    path: body.path,
    only: body.only ?? [],
    overwrite: body.overwrite ?? ('never' as const),
    ...(body.from === undefined ? {} : { from: body.from }),
  };
  await addRun(db, { id, jobId: point.job.id, transporterId: transporter.id, restore, createdAt: Date.now() });
  log.info({ job: point.job.name, run: id, point: point.id, transporter: transporter.name }, 'restore queued');
  await publishRun(context, id);
  context.wakeDispatcher();
  return await existingRun(db, id);
}
