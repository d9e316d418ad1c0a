import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type BackupOutcome, runBackup } from '@sealift/pipeline';
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
  const { taskId, runId, jobId, spec } = task;
  const spool = join(context.spool, taskId);
  await makePrivateFolder(spool);
  try {
    const outcome = await runBackup(
      {
        runId,
        jobId,
        sourceId: context.identity().id,
        // The one of the moment in which the point is signed, which may be days from now.
        get identity() {
          return context.identity();
        },
        ...spec,
        connect: (attempt) => dialTarget(taskId, context, attempt),
        ...(spec.mode === 'source-side' ? { keys: () => keysForWriting(taskId, context, signal) } : {}),
        spool,
        // A Director that does not know how sources are held still would not take the notes on it.
        ...(spec.reading === undefined ? {} : { leftovers: context.leftovers }),
        cache: join(context.sourceCache, jobId),
        diskNotes: join(context.diskNotes, jobId),
        workers: context.workers,
        onProgress: (progress) => reporter.progress(progress),
        onWarning: (warning) => reporter.warning(warning),
        onReconnect: (failure) => reporter.reconnecting(failure),
      },
      signal,
    );
    if (outcome.cacheLost !== undefined) reporter.cacheLost(outcome.cacheLost);
    return { point: pointOf(outcome, spec.mode), progress: outcome.progress };
  } finally {
    await rm(spool, { recursive: true, force: true });
  }
}

function pointOf(outcome: BackupOutcome, mode: TaskPoint['mode']): TaskPoint {
  const { pointId, hash, sequence, createdAt, files, bytes, previous, runsHash, runSalt } = outcome;
  return {
    id: pointId,
    hash,
    sequence,
    createdAt,
    files,
    bytes,
    mode,
    ...(previous === undefined ? {} : { previous }),
    ...(runsHash === undefined ? {} : { runsHash }),
    ...(runSalt === undefined ? {} : { runSalt }),
  };
}
