import { type LinkToPoint, type PointOptions, runRestore, runServeDisks } from '@sealift/pipeline';
import type { Progress, TaskStart } from '@sealift/wire';
import { dialTarget, keysForReading, type TaskContext } from './context.ts';
import type { TaskReporter } from './reporter.ts';

type RestoreTask = TaskStart & { kind: 'restore' };

/** Writes the contents of a recovery point below a folder of this machine, or serves its disks until it is cancelled. */
export async function restore(
  task: RestoreTask,
  context: TaskContext,
  reporter: TaskReporter,
  signal: AbortSignal,
): Promise<{ progress: Progress }> {
  const { spec } = task;
  const point = pointOf(task, context, reporter, signal);
  if (spec.serve === true) return serveDisks(task, point, reporter, signal);
  const { progress } = await runRestore(
    {
      ...spec,
      ...point,
      workers: context.workers,
      onProgress: (latest) => reporter.progress(latest),
      onWarning: (warning) => reporter.warning(warning),
    },
    signal,
  );
  return { progress };
}

function pointOf(
  { taskId, runId, jobId, spec }: RestoreTask,
  context: TaskContext,
  reporter: TaskReporter,
  signal: AbortSignal,
): PointOptions & LinkToPoint {
  const { pointId, repositoryId, mode, hash, authority = context.identity().authority } = spec;
  return {
    runId,
    jobId,
    pointId,
    repositoryId,
    authority,
    ...(hash === undefined ? {} : { hash }),
    connect: (attempt) => dialTarget(taskId, context, attempt),
    ...(mode === 'source-side'
      ? { keys: (runs, descriptor) => keysForReading(taskId, { runs, descriptor }, context, signal) }
      : {}),
    onReconnect: (failure) => reporter.reconnecting(failure),
  };
}

function serveDisks(
  { spec }: RestoreTask,
  point: PointOptions & LinkToPoint,
  reporter: TaskReporter,
  signal: AbortSignal,
): Promise<never> {
  const path = spec.destination;
  return runServeDisks(
    {
      ...point,
      disks: spec.only.map((disk) => Buffer.from(disk)),
      listen: { path },
      onServing: ({ disks }) => reporter.progress({ ...reporter.latest, phase: 'serving', files: disks.length }),
      onFailure: ({ code, message }) => reporter.warning({ path: Buffer.from(path), code, message }),
    },
    signal,
  );
}
