import type { Job } from '../db/jobs.ts';
import { fail } from '../failures.ts';

/** Of a removed job there are only its points. */
export function refuseRemoved(job: Job): Job {
  if (job.removedAt === undefined) return job;
  throw fail('job-removed', `The job ${job.name} was removed at ${new Date(job.removedAt).toISOString()}.`);
}
