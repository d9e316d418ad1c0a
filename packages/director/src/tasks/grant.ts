import type { BackupSpec } from '@sealift/wire';
import type { Context } from '../context.ts';
import { type Job, jobById } from '../db/jobs.ts';
import { passwordById } from '../db/passwords.ts';
import { type Point, pointById } from '../db/points.ts';
import { isUpkeepRun } from '../db/run.ts';
import { runById } from '../db/runs.ts';
import { fail } from '../failures.ts';
import type { Session } from '../inventory/connections.ts';
import type { Way } from '../keys/open-domain.ts';

const DAY = 24 * 3_600_000;

/** What a task may do: where, in which mode, in which encryption domain, writing or reading. */
export interface Grant {
  jobId: string;
  runId: string;
  repositoryId: string;
  mode: BackupSpec['mode'];
  /** Source-side mode. */
  domainId?: string;
  use: 'write' | 'read';
  /** Most bytes that it may store. */
  quotaBytes?: number;
  /** For how long the target is to lock the point that is made, ms. */
  lockFor?: number;
  /** What is read. */
  pointId?: string;
  /** `runsDigest` of the runs of the point, where it was recorded. */
  runsHash?: Buffer;
  /** The only way to the keys that may be taken. */
  way?: Way;
}

/** What a task of this Transporter may do now; `task-unknown` when it is not its own, or is over. */
export async function grantOf(context: Context, { transporter }: Session, taskId: string): Promise<Grant> {
  const look = context.browsing.of(taskId);
  if (look !== undefined && look.transporterId === transporter.id) {
    return { ...readingGrant(look.point, taskId), ...(look.way === undefined ? {} : { way: look.way }) };
  }
  const run = await runById(context.db, taskId);
  if (run === undefined || run.transporter.id !== transporter.id || run.state !== 'running' || run.cancelWanted) {
    throw fail('task-unknown', `The Transporter ${transporter.name} has no task ${taskId} under way.`);
  }
  if (isUpkeepRun(run)) throw fail('task-unknown', `The task ${taskId} on a repository needs no other Transporter.`);
  if (run.restore !== undefined) return readingGrant(await pointById(context.db, run.restore.pointId), run.id);
  const job = await jobById(context.db, run.job.id);
  if (job === undefined) throw fail('task-unknown', `The job of the task ${taskId} is gone.`);
  const password = job.password === undefined ? undefined : await passwordById(context.db, job.password.id);
  return {
    jobId: job.id,
    runId: run.id,
    repositoryId: job.repositoryId,
    mode: job.encryption,
    use: 'write',
    ...(password === undefined ? {} : { domainId: password.domainId }),
    ...limitsOf(job),
  };
}

function limitsOf({ quotaBytes, immutableDays = 0 }: Job): Pick<Grant, 'quotaBytes' | 'lockFor'> {
  return {
    ...(quotaBytes === undefined ? {} : { quotaBytes }),
    ...(immutableDays === 0 ? {} : { lockFor: immutableDays * DAY }),
  };
}

function readingGrant({ id, job, repository, mode, domain, runsHash }: Point, runId: string): Grant {
  return {
    jobId: job.id,
    runId,
    repositoryId: repository.id,
    mode,
    use: 'read',
    pointId: id,
    ...(domain === undefined ? {} : { domainId: domain.id }),
    ...(runsHash === undefined ? {} : { runsHash }),
  };
}
