import type { UpkeepKind } from '@sealift/wire';
import type { Database } from '../db/database.ts';
import { isUpkeepRun, type Run } from '../db/run.ts';
import { beginRun } from '../db/runs.ts';
import { beginUpkeepRun } from '../db/upkeep-runs.ts';

/** Which tasks on a repository do not run while one of this kind does, itself among them. */
const EXCLUDES: Record<UpkeepKind, readonly UpkeepKind[]> = {
  verify: ['verify', 'repair'],
  repair: ['verify', 'repair', 'collect', 'rotate-master-key'],
  collect: ['collect', 'repair', 'rotate-master-key'],
  'rotate-master-key': ['collect', 'repair', 'rotate-master-key'],
  copy: ['copy'],
};

/** Writes a run down as running, or says for which other one it has to wait. */
export async function begin(db: Database, run: Run): Promise<string | undefined> {
  if (!isUpkeepRun(run)) {
    const begun = await beginRun(db, run.id, Date.now());
    return begun ? undefined : `another run of the job ${run.job.name} is under way`;
  }
  const { id, repository, kind } = run;
  const begun = await beginUpkeepRun(db, { id, repositoryId: repository.id, excludes: EXCLUDES[kind] }, Date.now());
  return begun ? undefined : `another task on the repository ${repository.name} is under way`;
}
