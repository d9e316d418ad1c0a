import { listEntries } from '@sealift/pipeline';
import type { Params, Result } from '@sealift/wire';
import { dialTarget, keysForLook, type TaskContext } from './context.ts';

/** One page of a folder of a recovery point, read over a link of its own. */
export async function entries(
  params: Params<'point.entries'>,
  context: TaskContext,
  signal: AbortSignal,
): Promise<Result<'point.entries'>> {
  const { taskId, jobId, pointId, repositoryId, mode, authority, path, limit, cursor } = params;
  return listEntries(
    {
      // Browsing is no run: its tickets name the task instead.
      runId: taskId,
      jobId,
      pointId,
      repositoryId,
      authority: authority ?? context.identity().authority,
      connect: (attempt) => dialTarget(taskId, context, attempt),
      ...(mode === 'source-side' ? { look: keysForLook(taskId, context, signal) } : {}),
      path,
      limit,
      ...(cursor === undefined ? {} : { cursor }),
    },
    signal,
  );
}
