import type { Context } from '../context.ts';
import { recordGuard, runsWithPoints } from '../db/job-retention.ts';
import type { Job } from '../db/jobs.ts';
import { raiseAlarm } from '../events/alarms.ts';
import { HISTORY, type RunFigures, suspicions } from './guard.ts';

type PastRun = Awaited<ReturnType<typeof runsWithPoints>>[number];

/**
 * Compares each run since the last that was looked at with the history of its job. What looks like files encrypted by an
 * attacker is an alarm, and freezes the automatic removal of points from before, until somebody says that it is well.
 */
export async function guardJob(context: Context, job: Job): Promise<void> {
  const runs = await runsWithPoints(context.db, job.id, 2 * HISTORY);
  const seen = runs.findIndex(({ id }) => id === job.guardedRun);
  const unseen = seen === -1 ? runs.slice(0, 1) : runs.slice(0, seen);
  let { frozen } = job;
  for (const [i, run] of [...unseen.entries()].reverse()) {
    const reasons = suspicions(figuresOf(run), runs.slice(i + 1, i + 1 + HISTORY).map(figuresOf));
    const isFirst = reasons.length > 0 && frozen === undefined;
    if (isFirst) frozen = { since: Date.now(), run: run.id, reasons };
    await recordGuard(context.db, job.id, run.id, isFirst ? frozen : undefined);
    if (reasons.length > 0) await alarm(context, job, run.id, reasons);
  }
}

function figuresOf({ bytes, progress }: PastRun): RunFigures {
  return { protectedBytes: bytes, newBytes: progress.bytesNew, storedBytes: progress.bytesStored };
}

async function alarm(context: Context, job: Job, runId: string, reasons: string[]): Promise<void> {
  await raiseAlarm(context, {
    code: 'ransomware-suspected',
    message: `The newest recovery point of ${job.name} is unlike those before: ${reasons.join('; ')}.`,
    advice:
      'No recovery point of this job is removed automatically now. Look whether files were encrypted by an attacker; ' +
      `if all is well: sealift job unfreeze ${job.name}`,
    job: { id: job.id, name: job.name },
    point: runId,
  });
}
