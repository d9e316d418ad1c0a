import type { CollectReport as Collected } from '@sealift/repository';
import type { CollectReport, CollectSpec, Progress } from '@sealift/wire';
import type { TaskReporter } from './reporter.ts';
import type { UpkeepMeans } from './upkeep.ts';
import { upkeepProgress } from './upkeep-progress.ts';

/** Gives back the space of what no recovery point of a repository needs, or tells what it would give back. */
export async function collect(
  { spec: { graceHours, ...spec } }: { spec: CollectSpec },
  { repository }: UpkeepMeans,
  reporter: TaskReporter,
  signal: AbortSignal,
): Promise<{ report: CollectReport; progress: Progress }> {
  const counts = { points: 0, packs: 0, bytesFreed: 0 };
  const { problems, ...done } = await repository.collect(
    {
      ...spec,
      ...(graceHours === undefined ? {} : { grace: graceHours * 3_600_000 }),
      onProgress: ({ phase, done, bytesFreed }) => {
        if (phase === 'mark') counts.points = done;
        else counts.packs += 1;
        // A new pack takes space until the old ones it was made of are gone.
        counts.bytesFreed = Math.max(counts.bytesFreed, bytesFreed);
        reporter.progress(upkeepProgress('collecting', counts));
      },
    },
    signal,
  );
  for (const { code, message } of problems) reporter.warning({ path: Buffer.from('packs'), code, message });
  const { points, packsDead, packsRepacked } = done;
  const bytesFreed = Math.max(0, done.bytesFreed);
  const report = {
    ...done,
    bytesFreed,
    durationMs: Math.round(done.durationMs),
    next: nextStep(done, problems.length),
  };
  const counted = done.dryRun ? 0 : bytesFreed;
  const ended = { points, packs: packsDead + packsRepacked, bytesFreed: counted, warnings: problems.length };
  return { report: { kind: 'collect', ...report }, progress: upkeepProgress('collecting', ended) };
}

function nextStep({ dryRun, bytesFreed, chunksMissing }: Omit<Collected, 'problems'>, problems: number): string {
  if (chunksMissing > 0 || problems > 0) {
    return 'The repository is damaged. Verify it: sealift repository verify NAME --wait';
  }
  if (!dryRun) return 'Nothing: what is left is needed, or was used lately.';
  return bytesFreed > 0 ? 'To do it, leave out --dry-run.' : 'Nothing: a collection would free nothing now.';
}
