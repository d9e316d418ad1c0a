import type { BackupSpec } from '@sealift/wire';
import type { Context } from '../context.ts';
import { jobById } from '../db/jobs.ts';
import { type Point, pointById } from '../db/points.ts';
import { runById } from '../db/runs.ts';
import { fail } from '../failures.ts';
import type { Session } from '../inventory/connections.ts';

/** What a task may do: where, in which mode, with which password, writing or reading. */
export interface Grant {
  jobId: string;
  runId: string;
  repositoryId: string;
  mode: BackupSpec['mode'];
  passwordId?: string;
  use: 'write' | 'read';
}

/** What a task of this Transporter may do now; `task-unknown` when it is not its own, or is over. */
export async function grantOf(context: Context, { transporter }: Session, taskId: string): Promise<Grant> {
  const look = context.browsing.of(taskId);
  if (look !== undefined && look.transporterId === transporter.id) return readingGrant(look.point, taskId);
  const run = await runById(context.db, taskId);
  if (run === undefined || run.transporter.id !== transporter.id || run.state !== 'running' || run.cancelWanted) {
    throw fail('task-unknown', `The Transporter ${transporter.name} has no task ${taskId} under way.`);
  }
  if (run.restore !== undefined) return readingGrant(await pointById(context.db, run.restore.pointId), run.id);
  const job = await jobById(context.db, run.job.id);
  if (job === undefined) throw fail('task-unknown', `The job of the task ${taskId} is gone.`);
  return {
    jobId: job.id,
    runId: run.id,
    repositoryId: job.repositoryId,
    mode: job.encryption,
    use: 'write',
    ...(job.password === undefined ? {} : { passwordId: job.password.id }),
  };
}

function readingGrant({ job, repository, mode, password }: Point, runId: string): Grant {
  return {
    jobId: job.id,
    runId,
    repositoryId: repository.id,
    mode,
    use: 'read',
    ...(password === undefined ? {} : { passwordId: password.id }),
  };
}
