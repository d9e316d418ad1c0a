import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type BackupOutcome, runBackup } from '@sealift/pipeline';
import { MAX_NOTES, type Progress, type TaskPoint, type TaskStart } from '@sealift/wire';
import { type HookTold, withHooks } from '../hooks/with-hooks.ts';
import { makePrivateFolder } from '../storage/durable-file.ts';
import { dialTarget, keysForWriting, type TaskContext } from './context.ts';
import type { TaskReporter } from './reporter.ts';

type BackupTask = TaskStart & { kind: 'backup' };

/** Reads the sources of a job and brings what the target lacks into its repository. */
export async function backup(
  task: BackupTask,
  context: TaskContext,
  reporter: TaskReporter,
  signal: AbortSignal,
): Promise<{ point: TaskPoint; progress: Progress }> {
  const notes: string[] = [];
  const told: HookTold = {
    note: (text) => notes.push(text),
    failed: (path, { code, message }) => reporter.warning({ path: Buffer.from(path), code, message }),
  };
  const work = () => read(task, context, reporter, [...notes], signal);
  const { point, progress } = await withHooks(task, task.spec.reading ?? {}, context, told, work, signal);
  return { point, progress: { ...progress, ...notesOf(progress, notes) } };
}

/** Those of the reading in between those of the commands before and after it. */
function notesOf({ notes: read = [] }: Progress, hooks: string[]): Pick<Progress, 'notes'> {
  const late = hooks.filter((note) => !read.includes(note));
  return read.length + late.length === 0 ? {} : { notes: [...read, ...late].slice(0, MAX_NOTES) };
}

async function read(
  task: BackupTask,
  context: TaskContext,
  reporter: TaskReporter,
  notes: string[],
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
        notes,
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
