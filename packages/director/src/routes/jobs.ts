import { parseCompression } from '@sealift/crypto';
import type { RequestPart } from '@sealift/wire';
import type { FastifyInstance } from 'fastify';
import { refuseAdopted } from '../adopt/refuse-adopted.ts';
import type { Context } from '../context.ts';
import { checkBandwidth, spreadBandwidth } from '../control/bandwidth.ts';
import { pauseJob, resumeJob } from '../db/job-schedules.ts';
import { addJob, type Job, jobById, jobNamed, listJobs } from '../db/jobs.ts';
import { passwordNamed } from '../db/passwords.ts';
import { repositoryNamed } from '../db/repositories.ts';
import type { Run } from '../db/run.ts';
import { existingRun, runById } from '../db/runs.ts';
import { transporterNamed } from '../db/transporters.ts';
import { fail } from '../failures.ts';
import { jobRemovalResource, jobResource } from '../resources/job.ts';
import { runResource } from '../resources/run.ts';
import { confirmRule } from '../retention/confirm-rule.ts';
import { removeJob } from '../retention/remove-job.ts';
import { changeJob } from '../schedule/change-job.ts';
import { checkSchedule } from '../schedule/cron.ts';
import { queueBackup } from '../schedule/queue-backup.ts';
import { refuseRemoved } from '../schedule/refuse-removed.ts';
import { creationId } from './creation.ts';
import { serve } from './serve.ts';

export function serveJobs(app: FastifyInstance, context: Context): void {
  const { db } = context;

  serve(app, 'listJobs', async ({ query }) => {
    const { items, ...next } = await listJobs(db, query);
    return { items: items.map((job) => jobResource(context, job)), ...next };
  });

  serve(app, 'updateJob', async ({ params, body }) => jobResource(context, await changeJob(context, params.id, body)));

  serve(app, 'getJob', async ({ params }) => jobResource(context, await jobNamed(db, params.id)));

  serve(app, 'createJob', async ({ body, request }) => {
    const id = await creationId(db, request, 'createJob', body);
    return jobResource(context, (await jobById(db, id)) ?? (await create(context, id, body)));
  });

  serve(app, 'removeJob', async ({ params, body }) => {
    const removed = await context.turns.run(() => removeJob(context, params.id, body.points ?? 'keep'));
    return jobRemovalResource(context, removed);
  });

  serve(app, 'pauseJob', async ({ params }) => {
    const { id, name } = refuseRemoved(await jobNamed(db, params.id));
    await pauseJob(db, id, Date.now());
    context.log.info({ audit: 'job', job: name }, 'job paused');
    return jobResource(context, await jobNamed(db, id));
  });

  serve(app, 'resumeJob', async ({ params }) => {
    const { id, name } = refuseRemoved(await jobNamed(db, params.id));
    await resumeJob(db, id, Date.now());
    context.log.info({ audit: 'job', job: name }, 'job resumed');
    return jobResource(context, await jobNamed(db, id));
  });

  serve(app, 'startRun', async ({ params, request }) => {
    const job = await jobNamed(db, params.id);
    const id = await creationId(db, request, 'startRun', job.id);
    return runResource(context, (await runById(db, id)) ?? (await queue(context, id, job)));
  });
}

async function create(context: Context, id: string, body: RequestPart<'createJob', 'body'>): Promise<Job> {
  const { db, log } = context;
  const source = await transporterNamed(db, body.source.transporter);
  if (source.role === 'target') throw fail('role-unfit', `${source.name} is a target; a job needs a source.`);
  const repository = await repositoryNamed(db, body.repository);
  if ((body.password !== undefined) !== (body.encryption === 'source-side')) {
    const has = body.password === undefined ? 'no password' : 'a password';
    throw fail('password-mismatch', `The job ${body.name} has ${body.encryption} encryption and ${has}.`);
  }
  const password = body.password === undefined ? undefined : await passwordNamed(db, body.password);
  const compression = body.compression ?? 'auto';
  parseCompression(compression);
  await confirmRule(context, undefined, body);
  if (body.schedule !== undefined) checkSchedule(body.schedule, context.timeZone);
  if (body.bandwidth !== undefined) await checkBandwidth(context, body.bandwidth);
  await addJob(db, {
    id,
    name: body.name,
    transporterId: source.id,
    paths: body.source.paths,
    repositoryId: repository.id,
    encryption: body.encryption,
    compression,
    exclude: body.exclude ?? [],
    reading: body.reading ?? {},
    ...optionalFields(body),
    createdAt: Date.now(),
    ...(password === undefined ? {} : { passwordId: password.id }),
  });
  if (body.bandwidth !== undefined) await spreadBandwidth(context);
  log.info({ job: body.name, source: source.name, repository: repository.name }, 'job made');
  return await jobNamed(db, id);
}

function optionalFields({ quotaBytes, keep, immutableDays, schedule, bandwidth }: RequestPart<'createJob', 'body'>) {
  return {
    ...(quotaBytes === undefined ? {} : { quotaBytes }),
    ...(keep === undefined ? {} : { keep }),
    ...(immutableDays === undefined ? {} : { immutableDays }),
    ...(schedule === undefined ? {} : { schedule }),
    ...(bandwidth === undefined ? {} : { bandwidth }),
  };
}

async function queue(context: Context, id: string, job: Job): Promise<Run> {
  refuseAdopted(refuseRemoved(job));
  if (await queueBackup(context, id, job)) return await existingRun(context.db, id);
  throw fail('run-queued', `A run of the job ${job.name} waits already.`);
}
