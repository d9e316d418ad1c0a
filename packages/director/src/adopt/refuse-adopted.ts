import type { Job } from '../db/jobs.ts';
import { fail } from '../failures.ts';

/** A job of another Director is known by its points only: what it read, and where, nobody here can say. */
export function refuseAdopted(job: Job): Job {
  if (job.adoptedSource === undefined) return job;
  throw fail('job-adopted', `${job.name} stands for a job of another Director, whose points were adopted.`);
}
