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

/**
 * `point-refused`: the other repository holds chunks of the point that another run has sealed, as after a backup to it, or when
 * what was collected here came back while it is there still. The signed point names the runs that open it, and no others.
 * `zone-differs`: it was told another secret of the zone of in-flight points before.
 */
const LEFT_BEHIND: ReadonlySet<string> = new Set(['point-missing', 'point-refused', 'zone-differs']);

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
      // One that is damaged, was removed since, or cannot stand there keeps no other from being copied.
      if (failure.kind !== 'corrupt' && !LEFT_BEHIND.has(failure.code)) throw failure;
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
  return (
    'Some points were left out: see the warnings. If they are damaged here, verify the repository: sealift repository verify ' +
    'NAME --wait. If they were refused (point-refused), the other repository holds the same data sealed by other runs: copy ' +
    'to a repository that takes no backups with this password.'
  );
}
