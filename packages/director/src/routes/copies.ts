import type { CopyRetentionResource, KeepRule, RequestPart } from '@sealift/wire';
import type { FastifyInstance } from 'fastify';
import type { Context } from '../context.ts';
import { confirmCopyRule, refuseOverlap } from '../copies/confirm-copy-rule.ts';
import { queueCopy } from '../copies/copy-schedule.ts';
import { judgeCopies } from '../copies/judge-copies.ts';
import { mayHoldInFlight, refuseUnsealing } from '../copies/refuse-unsealing.ts';
import { copyObstacle, retainCopies, syncCopies } from '../copies/retain-copies.ts';
import { wantedOfJob } from '../copies/wanted-points.ts';
import {
  addCopyRule,
  type CopyRule,
  changeCopyRule,
  copyRuleById,
  copyRuleNamed,
  jobsOfCopyRule,
  listCopyRules,
  removeCopyRule,
} from '../db/copy-rules.ts';
import { jobNamed } from '../db/jobs.ts';
import { repositoryNamed } from '../db/repositories.ts';
import { runById } from '../db/runs.ts';
import { fail } from '../failures.ts';
import { copyResource } from '../resources/copy.ts';
import { runResource } from '../resources/run.ts';
import { isoTime } from '../resources/time.ts';
import { deletionResource } from '../retention/remove-point.ts';
import { checkSchedule } from '../schedule/cron.ts';
import { creationId } from './creation.ts';
import { serve } from './serve.ts';

/** Standing copies. */
export function serveCopies(app: FastifyInstance, context: Context): void {
  const { db, log, turns } = context;

  serve(app, 'listCopies', async ({ query }) => {
    const { items, ...next } = await listCopyRules(db, query);
    return { items: await Promise.all(items.map((rule) => copyResource(context, rule))), ...next };
  });

  serve(app, 'getCopy', async ({ params }) => copyResource(context, await copyRuleNamed(db, params.id)));

  serve(app, 'createCopy', async ({ body, request }) => {
    const id = await creationId(db, request, 'createCopy', body);
    return await copyResource(context, (await copyRuleById(db, id)) ?? (await create(context, id, body)));
  });

  serve(app, 'updateCopy', async ({ params, body }) => {
    const rule = await copyRuleNamed(db, params.id);
    await confirmCopyRule(context, rule, body);
    const { confirm: _, ...change } = body;
    if (typeof change.schedule === 'string') checkSchedule(change.schedule, context.timeZone);
    await changeCopyRule(db, rule.id, change, Date.now());
    log.info({ audit: 'copy', copy: rule.name, ...change }, 'standing copy changed');
    return await copyResource(context, await copyRuleNamed(db, rule.id));
  });

  serve(app, 'removeCopy', async ({ params }) => {
    const rule = await copyRuleNamed(db, params.id);
    const removed = await copyResource(context, rule);
    await removeCopyRule(db, rule.id);
    log.info({ audit: 'copy', copy: rule.name }, 'standing copy removed');
    return removed;
  });

  serve(app, 'runCopy', async ({ params, request }) => {
    const rule = await copyRuleNamed(db, params.id);
    const id = await creationId(db, request, 'runCopy', rule.id);
    return runResource(context, (await runById(db, id)) ?? (await queueCopy(context, id, rule)));
  });

  serve(app, 'previewCopyRetention', async ({ params, body }) => {
    const rule = await copyRuleNamed(db, params.id);
    const keep = body.keep === undefined ? rule.keep : (body.keep ?? undefined);
    const jobs = await jobsOfCopyRule(db, rule);
    const items: CopyRetentionResource['items'] = [];
    for (const jobId of jobs) items.push(await preview(context, rule, jobId, keep));
    return { items };
  });

  serve(app, 'applyCopyRetention', async ({ params }) => {
    const { id } = await copyRuleNamed(db, params.id);
    const { blocked, deletions } = await turns.run(() => retainCopies(context, id));
    return { blocked, items: deletions.map(deletionResource) };
  });
}

async function create(context: Context, id: string, body: RequestPart<'createCopy', 'body'>): Promise<CopyRule> {
  const { db, log } = context;
  const [from, to] = [await repositoryNamed(db, body.from), await repositoryNamed(db, body.to)];
  if (from.id === to.id) throw fail('request-invalid', 'A repository cannot be copied to itself.');
  const jobs: { jobs?: string[] } = body.jobs === undefined ? {} : { jobs: await jobsIn(context, from, body.jobs) };
  await refuseOverlap(context, { fromId: from.id, toId: to.id, ...jobs });
  await confirmCopyRule(context, undefined, body);
  const inFlight = await mayHoldInFlight(context, jobs.jobs);
  await refuseUnsealing(context, { from, to }, { inFlight, unsealed: body.unsealed });
  if (body.schedule !== undefined) checkSchedule(body.schedule, context.timeZone);
  const { name, schedule, keep, immutableDays } = body;
  await addCopyRule(db, {
    ...{ id, name, fromId: from.id, toId: to.id, ...jobs, createdAt: Date.now() },
    ...(schedule === undefined ? {} : { schedule }),
    ...(keep === undefined ? {} : { keep }),
    ...(immutableDays === undefined ? {} : { immutableDays }),
  });
  log.info({ audit: 'copy', copy: name, from: from.name, to: to.name, schedule, keep }, 'standing copy made');
  return await copyRuleNamed(db, id);
}

async function jobsIn({ db }: Context, from: { id: string; name: string }, references: string[]): Promise<string[]> {
  const ids = new Set<string>();
  for (const reference of references) {
    const { id, name, repositoryId } = await jobNamed(db, reference);
    if (repositoryId !== from.id) throw fail('request-invalid', `The job ${name} does not back up to ${from.name}.`);
    ids.add(id);
  }
  return [...ids];
}

async function preview(context: Context, rule: CopyRule, jobId: string, keep: KeepRule | undefined) {
  // A target that is away cannot be asked, but how it stood says most.
  const told = await context.turns.run(() => syncCopies(context, rule, jobId)).catch(() => undefined);
  const judged = await judgeCopies(context, rule, { jobId, keep, now: told ?? Date.now() });
  const waiting = await wantedOfJob(context, rule, { jobId, keep });
  const { id, name } = await jobNamed(context.db, jobId);
  const blocked = await copyObstacle(context, rule, jobId);
  return {
    job: { id, name },
    timeZone: context.timeZone,
    stale: told === undefined,
    ...(keep === undefined ? {} : { rule: keep }),
    ...(blocked === undefined ? {} : { blocked }),
    verdicts: judged.map(({ reckonedAt, verdict: { id: point, keep: stays, why } }) => {
      return { point, receivedAt: isoTime(reckonedAt), keep: stays, why };
    }),
    waiting: waiting.map((point) => point.id),
  };
}
