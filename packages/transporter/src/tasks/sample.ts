import { samplePoint } from '@sealift/pipeline';
import type { Params, Result } from '@sealift/wire';
import { dialTarget, keysForLook, type TaskContext } from './context.ts';

/** Opens a recovery point and decrypts a sample of it, over a link of its own. */
export async function sample(
  params: Params<'point.sample'>,
  context: TaskContext,
  signal: AbortSignal,
): Promise<Result<'point.sample'>> {
  const { taskId, mode, ...wanted } = params;
  return samplePoint(
    {
      ...wanted,
      // A sample is no run: its tickets name the task instead.
      runId: taskId,
      authority: wanted.authority ?? context.identity().authority,
      connect: (attempt) => dialTarget(taskId, context, attempt),
      ...(mode === 'source-side' ? { look: keysForLook(taskId, context, signal) } : {}),
    },
    signal,
  );
}
