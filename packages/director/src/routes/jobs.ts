import { parseCompression } from '@sealift/crypto';
import type { RequestPart } from '@sealift/wire';
import type { FastifyInstance } from 'fastify';
import { refuseAdopted } from '../adopt/refuse-adopted.ts';
import type { Context } from '../context.ts';
import { addJob, type Job, jobById, jobNamed, listJobs } from '../db/jobs.ts';
import { passwordNamed } from '../db/passwords.ts';
import { repositoryNamed } from '../db/repositories.ts';
import type { Run } from '../db/run.ts';
import { addRun, existingRun, runById } from '../db/runs.ts';
import { transporterNamed } from '../db/transporters.ts';
import { fail } from '../failures.ts';
import { jobResource } from '../resources/job.ts';
import { runResource } from '../resources/run.ts';
import { confirmRule } from '../retention/confirm-rule.ts';
import { publishRun } from '../schedule/run-end.ts';
import { creationId } from './creation.ts';
import { serve } from './serve.ts';

export function serveJobs(app: FastifyInstance, context: Context): void {
  const { db } = context;

  serve(app, 'listJobs', async ({ query }) => {
    const { items, ...next } = await listJobs(db, query);
    return { items: items.map(jobResource), ...next };
  });

  serve(app, 'getJob', async ({ params }) => jobResource(await jobNamed(db, params.id)));

  serve(app, 'createJob', async ({ body, request }) => {
    const id = await creationId(db, request, 'createJob', body);
    return jobResource((await jobById(db, id)) ?? (await create(context, id, body)));
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
  await addJob(db, {
    id,
    name: body.name,
    transporterId: source.id,
    paths: body.source.paths,
    repositoryId: repository.id,
    encryption: body.encryption,
    compression,
    exclude: body.exclude ?? [],
    ...(body.quotaBytes === undefined ? {} : { quotaBytes: body.quotaBytes }),
    ...(body.keep === undefined ? {} : { keep: body.keep }),
    ...(body.immutableDays === undefined ? {} : { immutableDays: body.immutableDays }),
    createdAt: Date.now(),
    ...(password === undefined ? {} : { passwordId: password.id }),
  });
  log.info({ job: body.name, source: source.name, repository: repository.name }, 'job made');
  return await jobNamed(db, id);
}

async function queue(context: Context, id: string, job: Job): Promise<Run> {
  refuseAdopted(job);
  const added = await addRun(context.db, {
    id,
    jobId: job.id,
    transporterId: job.transporterId,
    createdAt: Date.now(),
  });
  if (!added) throw fail('run-queued', `A run of the job ${job.name} waits already.`);
  context.log.info({ job: job.name, run: id }, 'run queued');
  await publishRun(context, id);
  context.wakeDispatcher();
  return await existingRun(context.db, id);
}
