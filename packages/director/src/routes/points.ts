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
    const { point, from } = await pointOrCopy(context, params.id, body.from);
    const id = await creationId(db, request, 'restorePoint', [point.id, body]);
    return runResource(context, (await runById(db, id)) ?? (await queue(context, id, point, { ...body, from })));
  });

  serve(app, 'servePoint', async ({ params, body, request }) => {
    const { point, from } = await pointOrCopy(context, params.id, body.from);
    const id = await creationId(db, request, 'servePoint', [point.id, body]);
    const { transporter, path, disks: only } = body;
    const wanted = { transporter, path, from, serve: true as const, ...(only === undefined ? {} : { only }) };
    return runResource(context, (await runById(db, id)) ?? (await queue(context, id, point, wanted)));
  });
}

/** A copy outlives the point that it was made of. */
async function pointOrCopy(
  { db }: Context,
  id: string,
  repository: string | undefined,
): Promise<{ point: Point; from: string | undefined }> {
  const from = repository === undefined ? undefined : (await repositoryNamed(db, repository)).id;
  return { from, point: await (from === undefined ? presentPoint(db, id) : presentPointIn(db, id, from)) };
}

async function queue(
  context: Context,
  id: string,
  point: Point,
  body: Omit<RequestPart<'restorePoint', 'body'>, 'from'> & { from: string | undefined; serve?: true },
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
    ...(body.serve === undefined ? {} : { serve: body.serve }),
  };
  await addRun(db, { id, jobId: point.job.id, transporterId: transporter.id, restore, createdAt: Date.now() });
  log.info({ job: point.job.name, run: id, point: point.id, transporter: transporter.name }, 'restore queued');
  await publishRun(context, id);
  context.wakeDispatcher();
  return await existingRun(db, id);
}
