import { type Failure, toFailure } from '@sealift/core';
import type { RunState, TaskPoint, TaskResult } from '@sealift/wire';
import type { Context } from '../context.ts';
import { nextRound } from '../copies/next-round.ts';
import { takeCopy } from '../copies/take-copy.ts';
import { jobById } from '../db/jobs.ts';
import { passwordById } from '../db/passwords.ts';
import { recordCopies } from '../db/point-copies.ts';
import { addPoint, type PointOwner } from '../db/points.ts';
import { isUpkeepRun, type JobRun, namesOf, type Run } from '../db/run.ts';
import { runKeysOf } from '../db/run-keys.ts';
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
  const made = isUpkeepRun(run) || result.point === undefined ? undefined : { run, point: result.point };
  const point = made === undefined ? [] : [await pointStatement(context, made.run, made.point)];
  const known = { ...run, ...(result.report === undefined ? {} : { report: result.report }) };
  const copies = (repeated: boolean) => (isUpkeepRun(known) ? recordCopies(known, { repeated }) : []);
  const goesOn = result.outcome === 'done' || result.outcome === 'warnings';
  const next = isUpkeepRun(run) && goesOn ? await nextRound(context, run) : [];
  if ((await db.batch([ending, ...point, ...copies(false), ...next])) !== undefined) {
    await db.batch([...point, ...copies(true)]);
    return;
  }
  context.metrics.countBytes(result.progress);
  if (isUpkeepRun(run)) await takeReport(context, run, result.report);
  if (made !== undefined) await takePoint(context, made.run, made.point);
  await announceEnd(context, run.id);
  if (made !== undefined) context.afterBackup(made.run.job.id);
}

async function takePoint(context: Context, run: JobRun, point: TaskPoint): Promise<void> {
  const job = await jobById(context.db, run.job.id);
  if (job !== undefined) await checkChain(context, run, job.repositoryId, point);
}

async function pointStatement(context: Context, run: JobRun, point: NonNullable<TaskResult['point']>) {
  const { db } = context;
  const job = await jobById(db, run.job.id);
  const { passwordId, domain } = await madeWith(context, run, point);
  return addPoint(point, {
    jobId: run.job.id,
    repositoryId: job?.repositoryId ?? '',
    transporterId: run.transporter.id,
    passwordId,
    domain,
    explanation: job === undefined ? undefined : JSON.stringify(await explainJob(context, job)),
  });
}

/**
 * The domain of the key that the point was sealed with, which is not the present one where the password was changed
 * while the run was under way. A salt that was not handed to this run is not believed.
 */
async function madeWith(
  { db }: Context,
  run: JobRun,
  point: TaskPoint,
): Promise<Pick<PointOwner, 'passwordId' | 'domain'>> {
  const keys = point.mode === 'source-side' ? await runKeysOf(db, run.id) : [];
  const key = keys.find(({ runSalt }) => point.runSalt?.equals(runSalt)) ?? keys[0];
  if (key !== undefined) return { passwordId: key.passwordId, domain: { id: key.domainId, epoch: key.epoch } };
  const job = await jobById(db, run.job.id);
  const password = job?.password === undefined ? undefined : await passwordById(db, job.password.id);
  return {
    passwordId: password?.id,
    domain: password === undefined ? undefined : { id: password.domainId, epoch: password.epoch },
  };
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
  if (isUpkeepRun(run)) await takeCopy(context, run);
  if (!isUpkeepRun(run) && run.pointId === undefined) return;
  // Nobody waits for the figures, and a Director that closes meanwhile has no database to ask.
  refreshFigures(context, run).catch((thrown) => {
    context.log.debug({ ...namesOf(run), failure: toFailure(thrown) }, 'figures of the repository not refreshed');
  });
}

async function refreshFigures({ db, connections, repositories }: Context, run: Run): Promise<void> {
  const repository = await repositoryOf(db, run);
  const target = repository === undefined ? undefined : connections.of(repository.transporterId);
  if (target !== undefined && repository !== undefined) await repositories.refresh(target, repository);
}
