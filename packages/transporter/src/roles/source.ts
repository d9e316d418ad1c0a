import { taskHandlers } from '../control/handlers.ts';
import { backup } from '../tasks/backup.ts';
import type { TaskContext } from '../tasks/context.ts';
import { ResultDelivery } from '../tasks/delivery.ts';
import { TaskJournal } from '../tasks/journal.ts';
import { TaskRegistry } from '../tasks/registry.ts';
import { restore } from '../tasks/restore.ts';
import type { Role, Surroundings } from './role.ts';

/** A source or an agent: reads for backups, writes at restores, on the machine it runs on. */
export async function sourceRole({
  settings,
  folder,
  identity,
  revoked,
  line,
  metrics,
  log,
}: Surroundings): Promise<Role> {
  const context: TaskContext = { identity, revoked, line, spool: folder.spool, workers: settings.workers };
  const journal = await TaskJournal.open(folder.journal, log);
  const delivery = new ResultDelivery(journal, line, log);
  const registry = new TaskRegistry({
    journal,
    delivery,
    line,
    log,
    work: (task, reporter, signal) =>
      task.kind === 'backup' ? backup(task, context, reporter, signal) : restore(task, context, reporter, signal),
    counter: (kind) => metrics.taskCounter(kind),
  });
  return {
    handlers: taskHandlers(registry, context),
    held: () => registry.held(),
    onGreeted: async () => {},
    onConnected: () => delivery.wake(),
    onRenewed: async () => {},
    readiness: () => [],
    sessions: () => 0,
    repositories: () => [],
    [Symbol.asyncDispose]: async () => {
      await registry[Symbol.asyncDispose]();
      await delivery[Symbol.asyncDispose]();
    },
  };
}
