import type { Database } from '../db/database.ts';
import type { Job } from '../db/jobs.ts';
import { pointById } from '../db/points.ts';
import type { Run } from '../db/runs.ts';

/** Where a run writes to or reads from: that of the job, or for a restore that of the recovery point. */
export async function repositoryIdOf(db: Database, run: Run, job: Job): Promise<string> {
  return run.restore === undefined ? job.repositoryId : (await pointById(db, run.restore.pointId)).repository.id;
}
