import type { Database } from '../db/database.ts';
import { jobById } from '../db/jobs.ts';
import { pointOfRestore } from '../db/point-copies.ts';
import { type Repository, repositoryById } from '../db/repositories.ts';
import { isUpkeepRun, type Run } from '../db/run.ts';

/** Where a run works: at its own repository, that of its job, or for a restore that of the recovery point. */
export async function repositoryOf(db: Database, run: Run): Promise<Repository | undefined> {
  const id = await repositoryIdOf(db, run);
  return id === undefined ? undefined : await repositoryById(db, id);
}

async function repositoryIdOf(db: Database, run: Run): Promise<string | undefined> {
  if (isUpkeepRun(run)) return run.repository.id;
  if (run.restore !== undefined) return (await pointOfRestore(db, run.restore)).repository.id;
  return (await jobById(db, run.job.id))?.repositoryId;
}
