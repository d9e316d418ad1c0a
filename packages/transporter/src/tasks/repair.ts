import { referencesInTree } from '@sealift/pipeline';
import type { Repair } from '@sealift/repository';
import { MAX_REPORTED, type Progress, type RepairReport, type RepairSpec } from '@sealift/wire';
import type { TaskReporter } from './reporter.ts';
import type { UpkeepMeans } from './upkeep.ts';
import { upkeepProgress } from './upkeep-progress.ts';

/** Mends what verifications of a repository have found, or tells what it would do. */
export async function repair(
  { spec }: { spec: RepairSpec },
  { repository }: UpkeepMeans,
  reporter: TaskReporter,
  signal: AbortSignal,
): Promise<{ report: RepairReport; progress: Progress }> {
  const steps: RepairReport['steps'] = [];
  const affected: RepairReport['affected'] = [];
  let warnings = 0;
  const warn = (file: string, code: string, message: string) => {
    warnings += 1;
    reporter.warning({ path: Buffer.from(file), code, message });
  };
  const done = await repository.repair(
    {
      ...spec,
      readTree: (pointId, stopped) => referencesInTree(repository, pointId, stopped),
      onStep: (file, message) => {
        if (steps.length < MAX_REPORTED) steps.push({ file, message: message.slice(0, 512) });
      },
      onFlaw: (file, { code, message }) => warn(file, code, message),
      onAffected: ({ pointId, jobId, chunks }) => {
        if (affected.length < MAX_REPORTED) affected.push({ point: pointId, job: jobId, chunks });
        warn(`points/${pointId}`, 'point-incomplete', `It refers to lost chunks ${chunks} times.`);
      },
      onProgress: ({ packs }) => reporter.progress(upkeepProgress('repairing', { packs, warnings })),
    },
    signal,
  );
  const report: RepairReport = { kind: 'repair', ...done, steps, affected, next: nextStep(done) };
  return { report, progress: upkeepProgress('repairing', { packs: done.packsFlawed, warnings }) };
}

function nextStep(done: Repair): string {
  const unread = done.packsUnread > 0 ? `${done.packsUnread} packs were never read: verify the repository first. ` : '';
  const nothing = done.packsFlawed + done.filesMended + done.filesLeft === 0;
  if (nothing && done.affectedPoints === 0) return `${unread}Nothing is known to be damaged.`;
  if (done.dryRun) return `${unread}Nothing was changed. To do it: sealift repository repair NAME --apply`;
  if (done.affectedPoints === 0) return `${unread}Verify the repository, and check the disk.`;
  return (
    `${unread}What is lost of points that were copied to another repository is copied back by itself. For the others run ` +
    'the jobs of the points named: a source that still has the contents sends them again. Then verify the repository, ' +
    'and check the disk.'
  );
}
