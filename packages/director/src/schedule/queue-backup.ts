import type { Context } from '../context.ts';
import type { Job } from '../db/jobs.ts';
import { addRun } from '../db/runs.ts';
import { publishRun } from './run-end.ts';

/** Queues a run of a job; false when one waits already. */
export async function queueBackup(context: Context, id: string, job: Job): Promise<boolean> {
  const { id: jobId, transporterId } = job;
  if (!(await addRun(context.db, { id, jobId, transporterId, createdAt: Date.now() }))) return false;
  context.log.info({ job: job.name, run: id }, 'run queued');
  await publishRun(context, id);
  context.wakeDispatcher();
  return true;
}
