import { readTicket } from '@sealift/crypto';
import { listEntries } from '@sealift/pipeline';
import type { Params, Result } from '@sealift/wire';
import { askForTicket, dialWith, keysForReading, type TaskContext } from './context.ts';

/** One page of a folder of a recovery point, read over a link of its own. */
export async function entries(
  params: Params<'point.entries'>,
  context: TaskContext,
  signal: AbortSignal,
): Promise<Result<'point.entries'>> {
  const { taskId, pointId, repositoryId, mode, path, limit, cursor } = params;
  // The session must be opened for the run and job of its ticket, so the first ticket is asked for before the link is.
  let granted: Result<'task.ticket'> | undefined = await askForTicket(taskId, context, signal);
  const { runId, jobId } = readTicket(granted.ticket);
  const connect = async (attempt: AbortSignal) => {
    const fresh = granted ?? (await askForTicket(taskId, context, attempt));
    granted = undefined;
    return dialWith(fresh, context, attempt);
  };
  return listEntries(
    {
      runId,
      jobId,
      pointId,
      repositoryId,
      authority: context.identity().authority,
      connect,
      ...(mode === 'source-side' ? { keys: (runs) => keysForReading(taskId, runs, context, signal) } : {}),
      path,
      limit,
      ...(cursor === undefined ? {} : { cursor }),
    },
    signal,
  );
}
