import { toFailure } from '@sealift/core';
import { copyPoint } from '@sealift/pipeline';
import type { CopyReport, CopySpec, Progress } from '@sealift/wire';
import { dialForCopy } from './context.ts';
import type { TaskReporter } from './reporter.ts';
import type { UpkeepMeans } from './upkeep.ts';
import { upkeepProgress } from './upkeep-progress.ts';

interface Counts {
  points: number;
  chunks: number;
  bytesRead: number;
  bytesSent: number;
  reconnects: number;
}

/** Brings recovery points of a repository into another one, the oldest first. What is there already is not sent again. */
export async function copy(
  { taskId, spec }: { taskId: string; spec: CopySpec },
  means: UpkeepMeans,
  reporter: TaskReporter,
  signal: AbortSignal,
): Promise<{ report: CopyReport; progress: Progress }> {
  const { repositoryId, points } = spec;
  const counts: Counts = { points: 0, chunks: 0, bytesRead: 0, bytesSent: 0, reconnects: 0 };
  const report: CopyReport = {
    ...{ kind: 'copy', repositoryId, copied: [], alreadyThere: 0, left: 0, chunks: 0, bytes: 0, next: '' },
  };
  for (const pointId of points) {
    try {
      const { wasThere, receivedAt } = await copyOne(
        { taskId, repositoryId, pointId },
        means,
        counts,
        reporter,
        signal,
      );
      report.copied.push({ point: pointId, receivedAt });
      if (wasThere) report.alreadyThere += 1;
      counts.points += 1;
    } catch (thrown) {
      const failure = toFailure(thrown);
      signal.throwIfAborted();
      // One that is damaged, or was removed since, keeps no other from being copied.
      if (failure.kind !== 'corrupt' && failure.code !== 'point-missing') throw failure;
      reporter.warning({ path: Buffer.from(`points/${pointId}`), code: failure.code, message: failure.message });
      report.left += 1;
    }
    reporter.progress(progressOf(counts, report.left));
  }
  Object.assign(report, { chunks: counts.chunks, bytes: counts.bytesRead, next: nextStep(report.left) });
  return { report, progress: progressOf(counts, report.left) };
}

async function copyOne(
  { taskId, repositoryId, pointId }: { taskId: string; repositoryId: string; pointId: string },
  { repository, dialling }: UpkeepMeans,
  counts: Counts,
  reporter: TaskReporter,
  signal: AbortSignal,
) {
  const tell = () => reporter.progress(progressOf(counts, 0));
  return await copyPoint(
    {
      point: await repository.pointCopy(pointId),
      repositoryId,
      connect: (attempt) => dialForCopy({ taskId, pointId }, dialling, attempt),
      onSent: ({ bytes }) => {
        counts.bytesSent += bytes;
      },
      onChunk: ({ bytes }) => {
        counts.chunks += 1;
        counts.bytesRead += bytes;
        tell();
      },
      onReconnect: (failure) => {
        counts.reconnects += 1;
        reporter.reconnecting(failure);
      },
    },
    signal,
  );
}

function progressOf({ points, chunks, bytesRead, bytesSent, reconnects }: Counts, warnings: number): Progress {
  const progress = upkeepProgress('copying', { points, chunks, bytesRead, warnings });
  return { ...progress, bytesSent, reconnects };
}

function nextStep(left: number): string {
  if (left === 0) return 'Nothing: the other repository holds them all.';
  return 'Some points are damaged here. Verify the repository: sealift repository verify NAME --wait';
}
