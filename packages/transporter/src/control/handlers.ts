import { type ControlHandlers, isUpkeepTask, type JobStart, type UpkeepStart } from '@sealift/wire';
import { findBlockDevices } from '@sealift/workloads';
import { fail } from '../failures.ts';
import { describePoints } from '../sessions/describe-points.ts';
import type { Repositories } from '../sessions/repositories.ts';
import { showPoints } from '../sessions/show-points.ts';
import type { TaskContext } from '../tasks/context.ts';
import { Downloads } from '../tasks/download.ts';
import { entries, find, sample, stat } from '../tasks/looks.ts';
import type { TaskRegistry } from '../tasks/registry.ts';
import { keyHandlers } from './key-handlers.ts';
import { pointHandlers } from './point-handlers.ts';

/** What a source or an agent does for the Director. */
export function taskHandlers(registry: TaskRegistry<JobStart>, context: TaskContext): ControlHandlers {
  const downloads = new Downloads(context);
  return {
    'task.start': (task) => {
      if (isUpkeepTask(task)) throw fail('role-unfit', `A task to ${task.kind} a repository is for its target.`);
      registry.start(task);
      return {};
    },
    'task.cancel': ({ taskId }) => {
      registry.cancel(taskId);
      return {};
    },
    'point.entries': (params, { signal }) => entries(params, context, signal),
    'point.find': (params, { signal }) => find(params, context, signal),
    'point.stat': (params, { signal }) => stat(params, context, signal),
    'point.download': async (params, { signal }) => {
      await downloads.send(params, signal);
      return {};
    },
    'machine.disks': (_, { signal }) => findBlockDevices(signal),
    'point.sample': (params, { signal }) => sample(params, context, signal),
  };
}

/** What a target does for the Director. */
export function repositoryHandlers(repositories: Repositories, registry: TaskRegistry<UpkeepStart>): ControlHandlers {
  return {
    'repository.open': ({ repositoryId, path }) => repositories.attach(repositoryId, path),
    'repository.leave': async ({ repositoryId }) => {
      await repositories.leave(repositoryId);
      return {};
    },
    'repository.adopt': async ({ name, path }) => {
      const adopted = await repositories.adopt(name, path);
      return { ...adopted, authorities: await repositories.opened(adopted.repositoryId).authorities() };
    },
    'repository.points': ({ repositoryId, ...page }) => showPoints(repositories.opened(repositoryId), page),
    'repository.describe': async ({ repositoryId, pointIds }, { signal }) => {
      return { points: await describePoints(repositories.opened(repositoryId), pointIds, signal) };
    },
    'repository.stats': ({ repositoryId }) => repositories.stats(repositoryId),
    'task.start': (task) => {
      if (!isUpkeepTask(task)) throw fail('role-unfit', `A task to ${task.kind} is for a source or an agent.`);
      // One that is closed is told at once, so that the run waits instead of failing.
      repositories.demand(task.repositoryId);
      registry.start(task);
      return {};
    },
    'task.cancel': ({ taskId }) => {
      registry.cancel(taskId);
      return {};
    },
    ...keyHandlers(repositories),
    ...pointHandlers(repositories),
    'point.runs': async ({ repositoryId, pointId }) => {
      const { hash, runs, missingCount } = await repositories.demand(repositoryId).pointRuns(pointId);
      return { hash, runs: runs.map(({ runSalt, epoch }) => ({ runSalt, epoch })), missing: missingCount };
    },
  };
}
