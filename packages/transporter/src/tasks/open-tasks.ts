import type { TaskStart } from '@sealift/wire';
import type { Surroundings } from '../roles/role.ts';
import { ResultDelivery } from './delivery.ts';
import { TaskJournal } from './journal.ts';
import { TaskRegistry, type TaskWork } from './registry.ts';

/** The tasks of a role, with their results on disk and on their way to the Director. */
export interface Tasks<S extends TaskStart> extends AsyncDisposable {
  registry: TaskRegistry<S>;
  delivery: ResultDelivery;
}

export async function openTasks<S extends TaskStart>(
  { folder, line, metrics, log }: Surroundings,
  work: TaskWork<S>,
): Promise<Tasks<S>> {
  const journal = await TaskJournal.open(folder.journal, log);
  const delivery = new ResultDelivery(journal, line, log);
  const counter = (kind: S['kind']) => metrics.taskCounter(kind);
  const registry = new TaskRegistry<S>({ journal, delivery, line, log, work, counter });
  return {
    registry,
    delivery,
    [Symbol.asyncDispose]: async () => {
      await registry[Symbol.asyncDispose]();
      await delivery[Symbol.asyncDispose]();
    },
  };
}
