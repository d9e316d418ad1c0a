import type { UpkeepReport, VerifyReport } from '@sealift/wire';
import type { Context } from '../context.ts';
import type { UpkeepRun } from '../db/run.ts';
import { raiseAlarm } from '../events/alarms.ts';

/** Sees to it that somebody learns of what a task on a repository has found. */
export async function takeReport(
  context: Context,
  { repository }: UpkeepRun,
  report: UpkeepReport | undefined,
): Promise<void> {
  if (report?.kind === 'repair') context.afterRepair(repository, report);
  if (report === undefined || report.kind !== 'verify') return;
  if (report.damagedFiles === 0 && report.missingChunks === 0) return;
  await raiseAlarm(context, {
    code: 'repository-damaged',
    message: `The repository ${repository.name} is damaged: ${inWords(report)}.`,
    advice: report.next,
    repository,
  });
}

function inWords({ damagedFiles, damagedChunks, missingChunks, affectedPoints }: VerifyReport): string {
  const files = `${damagedFiles} of its files are not as they were written`;
  return `${files}, ${damagedChunks + missingChunks} chunks are lost, ${affectedPoints} recovery points need them`;
}
