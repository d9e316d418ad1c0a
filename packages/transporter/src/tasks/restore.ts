import { runRestore } from '@sealift/pipeline';
import type { Progress, TaskStart } from '@sealift/wire';
import { dialTarget, keysForReading, type TaskContext } from './context.ts';
import type { TaskReporter } from './reporter.ts';

/** Writes the contents of a recovery point below a folder of this machine. */
export async function restore(
  task: TaskStart & { kind: 'restore' },
  context: TaskContext,
  reporter: TaskReporter,
  signal: AbortSignal,
): Promise<{ progress: Progress }> {
  const { taskId, runId, jobId, spec } = task;
  const identity = context.identity();
  const { progress } = await runRestore(
    {
      runId,
      jobId,
      ...spec,
      authority: spec.authority ?? identity.authority,
      connect: (attempt) => dialTarget(taskId, context, attempt),
      ...(spec.mode === 'source-side'
        ? { keys: (runs, descriptor) => keysForReading(taskId, { runs, descriptor }, context, signal) }
        : {}),
      workers: context.workers,
      onProgress: (latest) => reporter.progress(latest),
      onWarning: (warning) => reporter.warning(warning),
      onReconnect: (failure) => reporter.reconnecting(failure),
    },
    signal,
  );
  return { progress };
}
