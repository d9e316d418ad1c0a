import type { Context } from '../context.ts';
import type { Repository } from '../db/repositories.ts';
import type { CopyFor, Run, Upkeep } from '../db/run.ts';
import { existingRun } from '../db/runs.ts';
import { addUpkeepRun } from '../db/upkeep-runs.ts';
import { fail } from '../failures.ts';
import { publishRun } from './run-end.ts';

/** Queues a task on a repository, for its target. `run-queued` when one of this kind waits already. */
export async function queueUpkeep(
  context: Context,
  id: string,
  repository: Repository,
  upkeep: Upkeep,
  copyFor?: CopyFor,
): Promise<Run> {
  const { db, log } = context;
  const { id: repositoryId, name, transporterId } = repository;
  const asked = copyFor === undefined ? {} : { copyFor };
  const added = await addUpkeepRun(db, { id, repositoryId, transporterId, upkeep, ...asked, createdAt: Date.now() });
  if (!added) throw fail('run-queued', `A run to ${upkeep.kind} the repository ${name} waits already.`);
  log.info({ repository: name, run: id, kind: upkeep.kind }, 'run queued');
  await publishRun(context, id);
  context.wakeDispatcher();
  return await existingRun(db, id);
}
