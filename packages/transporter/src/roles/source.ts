import type { JobStart } from '@sealift/wire';
import { Leftovers } from '@sealift/workloads';
import { taskHandlers } from '../control/handlers.ts';
import { type HookPlace, runPendingHooks } from '../hooks/with-hooks.ts';
import type { Logger } from '../logger.ts';
import { cacheBytes, keepCachesOf } from '../storage/source-cache.ts';
import { backup } from '../tasks/backup.ts';
import type { TaskContext } from '../tasks/context.ts';
import { openTasks } from '../tasks/open-tasks.ts';
import { restore } from '../tasks/restore.ts';
import type { Role, Surroundings } from './role.ts';

/** A source or an agent: reads for backups, writes at restores, on the machine it runs on. */
export async function sourceRole(surroundings: Surroundings): Promise<Role> {
  const { settings, folder, identity, identityFor, revoked, bandwidth, line, controlUrl: url, log } = surroundings;
  const { workers, postQuantumOnly } = settings;
  const { spool, sourceCache, diskNotes, leftovers, hooks, pendingHooks } = folder;
  await removeLeftovers(leftovers, log);
  await finishHooks({ hooks, pendingHooks }, log);
  const director = () => ({ url, identity: identity(), postQuantumOnly });
  const shared = { identity, identityFor, revoked, bandwidth, line, director, workers, postQuantumOnly };
  const context: TaskContext = { ...shared, spool, sourceCache, diskNotes, leftovers, hooks, pendingHooks };
  const tasks = await openTasks<JobStart>(surroundings, (task, reporter, signal) =>
    task.kind === 'backup' ? backup(task, context, reporter, signal) : restore(task, context, reporter, signal),
  );
  return {
    handlers: taskHandlers(tasks.registry, context),
    held: () => tasks.registry.held(),
    onGreeted: async ({ jobs }) => {
      if (jobs === undefined) return;
      for (const kept of [sourceCache, diskNotes]) await keepCachesOf(kept, jobs);
    },
    onConnected: () => tasks.delivery.wake(),
    onRenewed: () => {},
    readiness: () => [],
    sessions: () => 0,
    repositories: () => [],
    cacheBytes: () => cacheBytes(sourceCache) + cacheBytes(diskNotes),
    [Symbol.asyncDispose]: () => tasks[Symbol.asyncDispose](),
  };
}

/** Snapshots of a process that was killed: they take room for as long as they are there. */
async function removeLeftovers(folder: string, log: Logger): Promise<void> {
  await new Leftovers(folder).removeAll(
    (removed) => log.warn({ removed }, 'something that an earlier run had left behind was removed'),
    (failure) => log.error({ failure }, 'something that an earlier run has left behind cannot be removed'),
  );
}

/** What a command before a run has stopped must go on again, also when the run was cut off. */
async function finishHooks(place: HookPlace, log: Logger): Promise<void> {
  await runPendingHooks(place, {
    note: (text) => log.warn(`${text} An earlier process had been cut off before it.`),
    failed: (path, failure) => log.error({ path, failure }, 'the command after a run that was cut off has failed'),
  });
}
