import type { RequestPart, RetentionResource } from '@sealift/wire';
import type { FastifyInstance } from 'fastify';
import type { Context } from '../context.ts';
import { listDeletions } from '../db/deletions.ts';
import { unfreeze } from '../db/job-retention.ts';
import { type Job, jobNamed } from '../db/jobs.ts';
import { jobResource } from '../resources/job.ts';
import { isoTime } from '../resources/time.ts';
import { applyRetention, obstacle } from '../retention/apply.ts';
import { judgePoints } from '../retention/judge-points.ts';
import { deletionResource } from '../retention/remove-point.ts';
import { syncPoints } from '../retention/sync-points.ts';
import { refuseRemoved } from '../schedule/refuse-removed.ts';
import { serve } from './serve.ts';

export function serveRetention(app: FastifyInstance, context: Context): void {
  const { db, log, turns } = context;

  serve(app, 'previewRetention', async ({ params, body }) => preview(context, await jobNamed(db, params.id), body));

  serve(app, 'applyRetention', async ({ params }) => {
    const job = refuseRemoved(await jobNamed(db, params.id));
    const { blocked, deletions } = await turns.run(() => applyRetention(context, job.id));
    return { items: deletions.map(deletionResource), ...(blocked === undefined ? {} : { blocked }) };
  });

  serve(app, 'unfreezeJob', async ({ params }) => {
    const job = await jobNamed(db, params.id);
    await unfreeze(db, job.id);
    if (job.frozen !== undefined) log.warn({ audit: 'job', job: job.name, frozen: job.frozen }, 'job unfrozen');
    return jobResource(context, await jobNamed(db, job.id));
  });

  serve(app, 'listDeletions', async ({ query }) => {
    const jobId = query.job === undefined ? undefined : (await jobNamed(db, query.job)).id;
    const { items, ...next } = await listDeletions(db, query, jobId);
    return { items: items.map(deletionResource), ...next };
  });
}

async function preview(
  context: Context,
  job: Job,
  { keep }: RequestPart<'previewRetention', 'body'>,
): Promise<RetentionResource> {
  const rule = keep === undefined ? job.keep : (keep ?? undefined);
  // A target that is away cannot be asked, but how it stood says most.
  const told = await context.turns.run(() => syncPoints(context, job)).catch(() => undefined);
  const judged = await judgePoints(context, job, rule, told ?? Date.now());
  const blocked = await obstacle(context, job);
  return {
    job: { id: job.id, name: job.name },
    timeZone: context.timeZone,
    stale: told === undefined,
    ...(rule === undefined ? {} : { rule }),
    ...(blocked === undefined ? {} : { blocked }),
    verdicts: judged.map(({ point, verdict: { id, keep: stays, why } }) => {
      return { point: id, receivedAt: isoTime(point.receivedAt ?? point.createdAt), keep: stays, why };
    }),
  };
}
