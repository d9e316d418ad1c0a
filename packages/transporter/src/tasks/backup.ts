import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { runBackup } from '@sealift/pipeline';
import type { Progress, TaskPoint, TaskStart } from '@sealift/wire';
import { makePrivateFolder } from '../storage/durable-file.ts';
import { dialTarget, keysForWriting, type TaskContext } from './context.ts';
import type { TaskReporter } from './reporter.ts';

/** Reads the sources of a job and brings what the target lacks into its repository. */
export async function backup(
  task: TaskStart & { kind: 'backup' },
  context: TaskContext,
  reporter: TaskReporter,
  signal: AbortSignal,
): Promise<{ point: TaskPoint; progress: Progress }> {
  const { taskId, runId, jobId, jobName, spec } = task;
  const spool = join(context.spool, taskId);
  await makePrivateFolder(spool);
  try {
    const identity = context.identity();
    const outcome = await runBackup(
      {
        runId,
        jobId,
        jobName,
        sourceId: identity.id,
        identity,
        ...spec,
        connect: (attempt) => dialTarget(taskId, context, attempt),
        ...(spec.mode === 'source-side' ? { keys: () => keysForWriting(taskId, context, signal) } : {}),
        spool,
        workers: context.workers,
        onProgress: (progress) => reporter.progress(progress),
        onWarning: (warning) => reporter.warning(warning),
      },
      signal,
    );
    const { pointId, hash, sequence, createdAt, progress } = outcome;
    reporter.progress(progress);
    const point = {
      id: pointId,
      hash,
      sequence,
      createdAt,
      files: progress.files,
      bytes: progress.bytesRead,
      mode: spec.mode,
    };
    return { point, progress };
  } finally {
    await rm(spool, { recursive: true, force: true });
  }
}
