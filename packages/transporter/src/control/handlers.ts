import type { ControlHandlers } from '@sealift/wire';
import type { Repositories } from '../sessions/repositories.ts';
import type { TaskContext } from '../tasks/context.ts';
import { entries } from '../tasks/entries.ts';
import type { TaskRegistry } from '../tasks/registry.ts';
import { sample } from '../tasks/sample.ts';
import { pointHandlers } from './point-handlers.ts';

/** What a source or an agent does for the Director. */
export function taskHandlers(registry: TaskRegistry, context: TaskContext): ControlHandlers {
  return {
    'task.start': (task) => {
      registry.start(task);
      return {};
    },
    'task.cancel': ({ taskId }) => {
      registry.cancel(taskId);
      return {};
    },
    'point.entries': (params, { signal }) => entries(params, context, signal),
    'point.sample': (params, { signal }) => sample(params, context, signal),
  };
}

/** What a target does for the Director. */
export function repositoryHandlers(repositories: Repositories): ControlHandlers {
  return {
    'repository.create': ({ name, path }) => repositories.create(name, path),
    'repository.open': ({ repositoryId, path }) => repositories.attach(repositoryId, path),
    'repository.stats': ({ repositoryId }) => repositories.stats(repositoryId),
    ...pointHandlers(repositories),
  };
}
