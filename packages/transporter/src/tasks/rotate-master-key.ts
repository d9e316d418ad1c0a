import type { Progress, RotationReport, RotationSpec } from '@sealift/wire';
import type { TaskReporter } from './reporter.ts';
import type { UpkeepMeans } from './upkeep.ts';
import { upkeepProgress } from './upkeep-progress.ts';

/** Gives a repository a new master key and seals everything anew under it. A later attempt goes on with the same key. */
export async function rotateMasterKey(
  { spec, attempt }: { spec: RotationSpec; attempt: number },
  { repository }: UpkeepMeans,
  reporter: TaskReporter,
  signal: AbortSignal,
): Promise<{ report: RotationReport; progress: Progress }> {
  const counts = { points: 0, packs: 0 };
  const { epoch, earlier, collected } = await repository.rotateMasterKey(
    {
      ...spec,
      resumed: attempt > 1,
      onProgress: ({ phase, done }) => {
        if (phase === 'mark') counts.points = done;
        else counts.packs += 1;
        reporter.progress(upkeepProgress('sealing', counts));
      },
    },
    signal,
  );
  const { problems, packsRepacked, bytesRepacked, points } = collected;
  for (const { code, message } of problems) reporter.warning({ path: Buffer.from('packs'), code, message });
  const report: RotationReport = {
    kind: 'rotate-master-key',
    masterKey: epoch,
    earlier,
    packsSealed: packsRepacked,
    bytesSealed: bytesRepacked,
    next: nextStep(earlier.length, problems.length),
  };
  const ended = { points, packs: packsRepacked, warnings: problems.length };
  return { report, progress: upkeepProgress('sealing', ended) };
}

function nextStep(earlier: number, problems: number): string {
  if (problems > 0) return 'The repository is damaged. Verify it: sealift repository verify NAME --wait';
  if (earlier === 0) return 'Nothing: no earlier master key opens anything any more.';
  return 'Some packs stay under earlier master keys: rotate once more when the backups that run now have ended.';
}
