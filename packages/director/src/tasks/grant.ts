import type { BackupSpec } from '@sealift/wire';
import type { Context } from '../context.ts';
import { copyRuleById } from '../db/copy-rules.ts';
import { type Job, jobById } from '../db/jobs.ts';
import { passwordById } from '../db/passwords.ts';
import { pointOfRestore } from '../db/point-copies.ts';
import { type Point, pointById } from '../db/points.ts';
import { isUpkeepRun, type Run } from '../db/run.ts';
import { runById } from '../db/runs.ts';
import { fail } from '../failures.ts';
import type { Session } from '../inventory/connections.ts';

const DAY = 24 * 3_600_000;

/** What a task may do: where, in which mode, in which encryption domain, writing or reading. */
export interface Grant {
  jobId: string;
  runId: string;
  repositoryId: string;
  mode: BackupSpec['mode'];
  /** Source-side mode: the encryption domain. In-flight mode, of a copied point: the repository it was made in. */
  domainId?: string;
  use: 'write' | 'read';
  /** Most bytes that it may store. */
  quotaBytes?: number;
  /** For how long the target is to lock the point that is made, ms. */
  lockFor?: number;
  /** Source-side mode, writing. */
  passwordId?: string;
  /** What is read. */
  point?: Point;
  /** It is looked into, not restored. */
  look: boolean;
}

/** What a task of this Transporter may do now; `task-unknown` when it is not its own, or is over. */
export async function grantOf(context: Context, { transporter }: Session, taskId: string): Promise<Grant> {
  const look = context.browsing.of(taskId);
  if (look !== undefined && look.transporterId === transporter.id) {
    return { ...readingGrant(look.point, taskId), look: true };
  }
  const run = await runUnderWay(context, transporter, taskId);
  if (isUpkeepRun(run)) throw fail('task-unknown', `The task ${taskId} on a repository needs no other Transporter.`);
  if (run.restore !== undefined) return readingGrant(await pointOfRestore(context.db, run.restore), run.id);
  const job = await jobById(context.db, run.job.id);
  if (job === undefined) throw fail('task-unknown', `The job of the task ${taskId} is gone.`);
  const password = job.password === undefined ? undefined : await passwordById(context.db, job.password.id);
  return {
    jobId: job.id,
    runId: run.id,
    repositoryId: job.repositoryId,
    mode: job.encryption,
    use: 'write',
    look: false,
    ...(password === undefined ? {} : { domainId: password.domainId, passwordId: password.id }),
    ...limitsOf(job),
  };
}

/** What is copied to where, and what the ticket for it allows: to bring this very point, and nothing else. */
export interface CopyGrant extends Pick<Grant, 'jobId' | 'runId' | 'repositoryId' | 'mode' | 'domainId' | 'lockFor'> {
  point: Point;
}

/** One of the points that a copy of this Transporter was asked for; no keys belong to it. */
export async function copyGrantOf(
  context: Context,
  { transporter }: Session,
  { taskId, pointId }: { taskId: string; pointId: string },
): Promise<CopyGrant> {
  const run = await runUnderWay(context, transporter, taskId);
  const { upkeep, copyFor } = isUpkeepRun(run) ? run : {};
  if (upkeep?.kind !== 'copy' || !upkeep.spec.points.includes(pointId)) {
    throw fail('not-permitted', `The task ${taskId} has no recovery point ${pointId} to copy.`);
  }
  const point = await pointById(context.db, pointId);
  const { job, mode, domain, zone } = point;
  // In-flight, the second repository has to know whose dedup zone it stores.
  const domainId = mode === 'in-flight' ? (zone ?? point.repository.id) : domain?.id;
  const rule = copyFor?.rule === undefined ? undefined : await copyRuleById(context.db, copyFor.rule.id);
  return {
    ...{ jobId: job.id, runId: pointId, repositoryId: upkeep.spec.repositoryId, mode, point },
    ...(domainId === undefined ? {} : { domainId }),
    ...lockOf(rule?.immutableDays),
  };
}

async function runUnderWay({ db }: Context, transporter: Session['transporter'], taskId: string): Promise<Run> {
  const run = await runById(db, taskId);
  if (run === undefined || run.transporter.id !== transporter.id || run.state !== 'running' || run.cancelWanted) {
    throw fail('task-unknown', `The Transporter ${transporter.name} has no task ${taskId} under way.`);
  }
  return run;
}

function limitsOf({ quotaBytes, immutableDays }: Job): Pick<Grant, 'quotaBytes' | 'lockFor'> {
  return { ...(quotaBytes === undefined ? {} : { quotaBytes }), ...lockOf(immutableDays) };
}

function lockOf(days = 0): Pick<Grant, 'lockFor'> {
  return days === 0 ? {} : { lockFor: days * DAY };
}

function readingGrant(point: Point, runId: string): Grant {
  const { job, repository, mode, domain, zone } = point;
  const domainId = domain?.id ?? zone;
  return {
    jobId: job.id,
    runId,
    repositoryId: repository.id,
    mode,
    use: 'read',
    point,
    look: false,
    ...(domainId === undefined ? {} : { domainId }),
  };
}
