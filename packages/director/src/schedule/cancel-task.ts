import { type Failure, toFailure } from '@sealift/core';
import type { Context } from '../context.ts';
import { fail } from '../failures.ts';
import type { Session } from '../inventory/connections.ts';

const PATIENCE = 30_000;

/** Asks a Transporter to cancel. When it does not answer, its next greeting brings the matter up again. */
export async function cancelTask({ log }: Context, { peer, transporter }: Session, taskId: string): Promise<void> {
  const limit = AbortSignal.timeout(PATIENCE);
  await peer.call('task.cancel', { taskId }, limit).catch((thrown) => {
    log.warn({ run: taskId, transporter: transporter.name, failure: told(thrown, limit) }, 'task not cancelled');
    if (limit.aborted) peer.abort(fail('transporter-away', `${transporter.name} did not answer.`));
  });
}

function told(thrown: unknown, limit: AbortSignal): Failure | string {
  return limit.aborted ? 'no answer' : toFailure(thrown);
}
