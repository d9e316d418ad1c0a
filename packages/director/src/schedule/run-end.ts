import type { Failure } from '@sealift/core';
import type { RunState, TaskResult } from '@sealift/wire';
import type { Context } from '../context.ts';
import { jobById } from '../db/jobs.ts';
import { passwordById } from '../db/passwords.ts';
import { addPoint } from '../db/points.ts';
import { isUpkeepRun, type JobRun, namesOf, type Run } from '../db/run.ts';
import { endRun, runById } from '../db/runs.ts';
import { explainJob } from '../explain/explain-job.ts';
import { runResource } from '../resources/run.ts';
import { takeReport } from '../upkeep/take-report.ts';
import { checkChain } from './check-chain.ts';
import { repositoryOf } from './repository-of.ts';

/** Tells listeners how a run stands. */
export async function publishRun(context: Context, runId: string): Promise<void> {
  const run = await runById(context.db, runId);
  if (run !== undefined) context.events.publish({ type: 'run.state', data: runResource(context, run) });
}

/** Ends a run from this side, without a result of its Transporter. */
export async function closeRun(context: Context, run: Run, end: { state: RunState; failure?: Failure }): Promise<void> {
  const progress = context.board.get(run.id)?.progress;
  const finishedAt = Date.now();
  const statement = endRun(run.id, {
    state: end.state,
    failure: end.failure?.toJSON(),
    progress,
    finishedAt,
    warnings: progress?.warnings ?? run.warnings,
  });
  if ((await context.db.batch([statement])) === undefined) await announceEnd(context, run.id);
}

/**
 * Writes down the result of a run and its recovery point, together. A repeated result changes nothing; the point of a
 * run that was ended from this side is recorded all the same, for it is in the repository.
 */
export async function recordResult(context: Context, run: Run, result: TaskResult): Promise<void> {
  const { db } = context;
  const ending = endRun(run.id, {
    state: result.outcome,
    failure: result.failure,
    progress: result.progress,
    finishedAt: result.finishedAt,
    warnings: result.progress.warnings,
    report: result.report,
  });
  const point =
    isUpkeepRun(run) || result.point === undefined ? [] : [await pointStatement(context, run, result.point)];
  if ((await db.batch([ending, ...point])) !== undefined) {
    await db.batch(point);
    return;
  }
  context.metrics.countBytes(result.progress);
  await (isUpkeepRun(run) ? takeReport(context, run, result.report) : takePoint(context, run, result.point));
  await announceEnd(context, run.id);
}

async function takePoint(context: Context, run: JobRun, point: TaskResult['point']): Promise<void> {
  const job = point === undefined ? undefined : await jobById(context.db, run.job.id);
  if (point === undefined || job === undefined) return;
  await checkChain(context, run, job.repositoryId, point);
  context.afterBackup(job.id);
}

async function pointStatement(context: Context, run: JobRun, point: NonNullable<TaskResult['point']>) {
  const { db } = context;
  const job = await jobById(db, run.job.id);
  const password = job?.password === undefined ? undefined : await passwordById(db, job.password.id);
  return addPoint(point, {
    jobId: run.job.id,
    repositoryId: job?.repositoryId ?? '',
    transporterId: run.transporter.id,
    passwordId: password?.id,
    domain: password === undefined ? undefined : { id: password.domainId, epoch: password.epoch },
    explanation: job === undefined ? undefined : JSON.stringify(await explainJob(context, job)),
  });
}

async function announceEnd(context: Context, runId: string): Promise<void> {
  context.board.delete(runId);
  context.given.forget(runId);
  await publishRun(context, runId);
  context.wakeDispatcher();
  const run = await runById(context.db, runId);
  if (run === undefined) return;
  context.metrics.countEnd(run);
  context.log.info({ ...namesOf(run), state: run.state, failure: run.failure }, 'run ended');
  if (isUpkeepRun(run) || run.pointId !== undefined) void refreshFigures(context, run);
}

async function refreshFigures({ db, connections, repositories }: Context, run: Run): Promise<void> {
  const repository = await repositoryOf(db, run);
  const target = repository === undefined ? undefined : connections.of(repository.transporterId);
  if (target !== undefined && repository !== undefined) await repositories.refresh(target, repository);
}
