import { type Failure, toFailure } from '@sealift/core';
import type { TaskStart } from '@sealift/wire';
import type { Context } from '../context.ts';
import { type Job, jobById } from '../db/jobs.ts';
import { pointOfRestore } from '../db/point-copies.ts';
import { isUpkeepRun, type JobRun, namesOf, type Run } from '../db/run.ts';
import { existingRun, postponeRun } from '../db/runs.ts';
import { explainJob } from '../explain/explain-job.ts';
import { fail } from '../failures.ts';
import { cancelTask } from './cancel-task.ts';
import { closeRun, publishRun } from './run-end.ts';

/** How long a Transporter may take to accept a task, ms. */
const PATIENCE = 30_000;

/**
 * Hands a run, already written down as running, to its Transporter. When the connection breaks meanwhile nothing is
 * done: the Transporter's next greeting says whether it has the task. `onPostponed` when it cannot take it now.
 */
export async function startTask(context: Context, runId: string, onPostponed: () => void): Promise<void> {
  try {
    const run = await existingRun(context.db, runId);
    await publishRun(context, runId);
    await handOver(context, run, onPostponed);
  } catch (thrown) {
    context.log.error({ run: runId, failure: toFailure(thrown) }, 'run could not be dispatched');
    onPostponed();
  }
}

async function handOver(context: Context, run: Run, onPostponed: () => void): Promise<void> {
  const session = context.connections.of(run.transporter.id);
  if (session === undefined || run.state !== 'running') return;
  const limit = AbortSignal.timeout(PATIENCE);
  try {
    await session.peer.call('task.start', await taskOf(context, run), limit);
    logOf(context, run).info({ kind: run.kind, attempt: run.attempt }, 'run dispatched');
    // Whoever cancelled it meanwhile may have been told before the task was there.
    const now = await existingRun(context.db, run.id);
    if (now.state !== 'running' || now.cancelWanted) await cancelTask(context, session, run.id);
  } catch (thrown) {
    if (!session.peer.open) return;
    if (limit.aborted)
      session.peer.abort(fail('transporter-away', `${run.transporter.name} did not take a task in time.`));
    else await settleRefusal(context, run, toFailure(thrown), onPostponed);
  }
}

async function settleRefusal(context: Context, run: Run, failure: Failure, onPostponed: () => void): Promise<void> {
  logOf(context, run).warn({ failure }, 'the Transporter did not take the run');
  if (failure.kind !== 'retry') {
    await closeRun(context, run, { state: 'failed', failure });
  } else if (await postponeRun(context.db, run.id, failure.message)) {
    await publishRun(context, run.id);
    onPostponed();
  }
}

function logOf({ log }: Context, run: Run) {
  return log.child({ ...namesOf(run), transporter: run.transporter.name });
}

async function taskOf(context: Context, run: Run): Promise<TaskStart> {
  if (!isUpkeepRun(run)) return await jobTaskOf(context, run);
  const { id, repository, attempt, upkeep, createdAt } = run;
  const base = { taskId: id, runId: id, repositoryId: repository.id, repositoryName: repository.name, attempt };
  if (upkeep.kind !== 'verify') return { ...base, ...upkeep };
  // What an earlier attempt has read is not read again.
  return { ...base, kind: 'verify', spec: { ...upkeep.spec, since: createdAt } };
}

async function jobTaskOf(context: Context, run: JobRun): Promise<TaskStart> {
  const { db } = context;
  const job = await jobById(db, run.job.id);
  if (job === undefined) throw fail('not-found', `There is no job ${run.job.name}.`);
  const base = { taskId: run.id, runId: run.id, jobId: job.id, jobName: job.name, attempt: run.attempt };
  if (run.restore === undefined)
    return { ...base, kind: 'backup', spec: { ...backupSpec(job), explanation: await explanationFor(context, job) } };
  const point = await pointOfRestore(db, run.restore);
  return {
    ...base,
    kind: 'restore',
    spec: {
      pointId: point.id,
      hash: point.hash,
      repositoryId: point.repository.id,
      mode: point.mode,
      destination: run.restore.path,
      only: run.restore.only,
      overwrite: run.restore.overwrite,
      ...(run.restore.serve === undefined ? {} : { serve: run.restore.serve }),
      ...(point.authority === undefined ? {} : { authority: point.authority.certificate }),
    },
  };
}

async function explanationFor(context: Context, job: Job): Promise<string> {
  return JSON.stringify(await explainJob(context, job));
}

function backupSpec(job: Job) {
  return {
    sources: job.paths.map((path) => Buffer.from(path)),
    exclude: job.exclude,
    reading: job.reading,
    repositoryId: job.repositoryId,
    mode: job.encryption,
    compression: job.compression,
  };
}
