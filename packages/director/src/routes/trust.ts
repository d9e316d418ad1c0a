import type { DrillResource, ExplanationResource } from '@sealift/wire';
import type { FastifyInstance } from 'fastify';
import { refuseAdopted } from '../adopt/refuse-adopted.ts';
import type { Context } from '../context.ts';
import { type Drill, listDrills } from '../db/drills.ts';
import { type Job, jobNamed } from '../db/jobs.ts';
import { explanationOf, pointById } from '../db/points.ts';
import { drillJob } from '../drill/drill-job.ts';
import { explainJob } from '../explain/explain-job.ts';
import { fail } from '../failures.ts';
import { isoTime } from '../resources/time.ts';
import { refuseRemoved } from '../schedule/refuse-removed.ts';
import { readerOf } from '../tasks/looks.ts';
import { serve } from './serve.ts';

export function serveTrust(app: FastifyInstance, context: Context): void {
  const { db } = context;

  serve(app, 'explainJob', async ({ params }) =>
    explainJob(context, refuseAdopted(refuseRemoved(await jobNamed(db, params.id)))),
  );

  serve(app, 'explainPoint', async ({ params }) => {
    const { id } = await pointById(db, params.id);
    const explanation = await explanationOf(db, id);
    if (explanation === undefined) throw fail('not-found', `No explanation was kept with recovery point ${id}.`);
    return JSON.parse(explanation) as ExplanationResource;
  });

  serve(app, 'drillJob', async ({ params, body }) => {
    const job = await jobNamed(db, params.id);
    const drills = await drillJob(context, job, { password: body.password, reader: readerOf });
    return { items: drills.map((drill) => resource(job, drill)) };
  });

  serve(app, 'listDrills', async ({ params, query }) => {
    const job = await jobNamed(db, params.id);
    const { items, ...next } = await listDrills(db, job.id, query);
    return { items: items.map((drill) => resource(job, drill)), ...next };
  });
}

function resource({ id, name }: Job, { pointId, at, ...drill }: Drill): DrillResource {
  return { job: { id, name }, point: pointId, at: isoTime(at), ...drill };
}
