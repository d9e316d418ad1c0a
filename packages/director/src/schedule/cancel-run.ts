import type { Context } from '../context.ts';
import { namesOf, type Run } from '../db/run.ts';
import { wantCancel } from '../db/runs.ts';
import { fail } from '../failures.ts';
import { cancelTask } from './cancel-task.ts';
import { closeRun } from './run-end.ts';

/**
 * Cancels a run. One that is with a connected Transporter ends when that says so; one that waits, or whose Transporter
 * is away, ends at once, and a Transporter that comes back with it is told to drop it.
 */
export async function cancelRun(context: Context, run: Run): Promise<void> {
  if (run.finishedAt !== undefined) throw fail('run-ended', `The run ${run.id} has ended as ${run.state}.`);
  await wantCancel(context.db, run.id);
  context.log.info(namesOf(run), 'run is to be cancelled');
  const session = context.connections.of(run.transporter.id);
  if (session === undefined || run.state === 'queued') await closeRun(context, run, { state: 'cancelled' });
  else await cancelTask(context, session, run.id);
}
