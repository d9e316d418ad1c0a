import type { Params } from '@sealift/wire';
import type { Context } from '../context.ts';
import { namesOf, type Run } from '../db/run.ts';
import { beginAgain } from '../db/runs.ts';
import { clearWarnings } from '../db/warnings.ts';
import { fail } from '../failures.ts';
import type { Session } from '../inventory/connections.ts';
import { cancelTask } from './cancel-task.ts';
import { closeRun } from './run-end.ts';
import { startTask } from './start-task.ts';

/** A run whose task was lost is begun again until it has had this many attempts. */
const MAX_ATTEMPTS = 5;

/**
 * Brings what a Transporter does and what it should do together, after its greeting: tasks that it has lost are given
 * to it again, tasks that nobody wants any more are cancelled. `running` are its runs as they were before it greeted.
 */
export async function reconcile(
  context: Context,
  session: Session,
  running: Run[],
  held: Params<'hello'>['tasks'],
): Promise<void> {
  const heldIds = new Set(held.map(({ taskId }) => taskId));
  const wanted = new Set(running.filter((run) => !run.cancelWanted).map(({ id }) => id));
  for (const run of running) if (!heldIds.has(run.id)) await resume(context, run);
  for (const { taskId, state } of held) {
    if (state === 'running' && !wanted.has(taskId)) await cancelTask(context, session, taskId);
  }
}

async function resume(context: Context, run: Run): Promise<void> {
  const { log, db } = context;
  log.warn({ ...namesOf(run), attempt: run.attempt }, 'the Transporter has lost the task of this run');
  if (run.cancelWanted) {
    await closeRun(context, run, { state: 'cancelled' });
    return;
  }
  if (run.attempt >= MAX_ATTEMPTS) {
    const message = `The Transporter ${run.transporter.name} has lost this run ${run.attempt} times.`;
    await closeRun(context, run, { state: 'failed', failure: fail('run-abandoned', message) });
    return;
  }
  await clearWarnings(db, run.id);
  if (await beginAgain(db, run.id)) await startTask(context, run.id, context.wakeDispatcher);
}
