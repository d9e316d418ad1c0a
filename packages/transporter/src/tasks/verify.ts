import { createTargetWorkers, proveInFlight } from '@sealift/pipeline';
import type { Verification } from '@sealift/repository';
import { MAX_REPORTED, type Progress, type VerifyReport, type VerifySpec } from '@sealift/wire';
import type { TaskReporter } from './reporter.ts';
import type { UpkeepMeans } from './upkeep.ts';
import { upkeepProgress } from './upkeep-progress.ts';

/** Reads a repository, or a part of it, and reports what is damaged and which recovery points that touches. */
export async function verify(
  { spec }: { spec: VerifySpec },
  { repository, workers }: UpkeepMeans,
  reporter: TaskReporter,
  signal: AbortSignal,
): Promise<{ report: VerifyReport; progress: Progress }> {
  const damage: VerifyReport['damage'] = [];
  const affected: VerifyReport['affected'] = [];
  const files = new Set<string>();
  // Half of the threads, so that backups and restores go on beside it.
  await using pool = createTargetWorkers(Math.ceil(workers / 2));
  const found = await repository.verify(
    {
      ...spec,
      // Without the keys of a repository that is locked, checksums have to do.
      ...(repository.encryption?.locked === true
        ? {}
        : { prove: proveInFlight(pool, (zone) => repository.zones.of(zone)) }),
      onFlaw: (file, { code, message }) => {
        files.add(file);
        reporter.warning({ path: Buffer.from(file), code, message });
        if (damage.length < MAX_REPORTED) damage.push({ file, code, message: message.slice(0, 512) });
      },
      onAffected: ({ pointId, jobId, chunks }) => {
        if (affected.length < MAX_REPORTED) affected.push({ point: pointId, job: jobId, chunks });
      },
      onProgress: ({ packs, chunks, points, flaws, bytesRead, bytesTotal }) =>
        reporter.progress({
          ...upkeepProgress('verifying', { packs, chunks, points, damaged: flaws, warnings: flaws, bytesRead }),
          bytesTotal,
        }),
    },
    signal,
  );
  const { flaws, verifiedSince, ...counts } = found;
  const report: VerifyReport = {
    kind: 'verify',
    ...counts,
    idsSealed: found.chunksRead - found.idsProven,
    ...(verifiedSince === undefined ? {} : { verifiedSince }),
    damagedFiles: files.size,
    damage,
    affected,
    next: nextStep(found),
  };
  const { packsRead, chunksRead, points, bytesRead } = found;
  const done = { packs: packsRead, chunks: chunksRead, points, damaged: flaws, warnings: flaws, bytesRead };
  return { report, progress: upkeepProgress('verifying', done) };
}

function nextStep({ flaws, damagedChunks, missingChunks, affectedPoints }: Verification): string {
  if (flaws === 0 && missingChunks === 0) return 'Nothing: what was read is whole.';
  if (affectedPoints === 0) {
    return 'No recovery point that could be read is touched. Check the disk, then: sealift repository repair NAME';
  }
  const lost = damagedChunks + missingChunks;
  return (
    `${lost} chunks of ${affectedPoints} recovery points are lost here. Check the disk, then run sealift repository ` +
    'repair NAME and the jobs concerned: a source that still has the contents sends them again.'
  );
}
