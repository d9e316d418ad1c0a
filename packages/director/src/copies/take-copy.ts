import type { Context } from '../context.ts';
import type { UpkeepRun } from '../db/run.ts';
import { raiseAlarm } from '../events/alarms.ts';

/** Sees to it that somebody learns of a standing copy that failed or left points behind, and applies its rule. */
export async function takeCopy(context: Context, run: UpkeepRun): Promise<void> {
  const { copyFor, repository, state, failure, report } = run;
  const rule = copyFor?.rule;
  if (rule === undefined) return;
  const name = rule.name ?? rule.id;
  if (state === 'failed') {
    await raiseAlarm(context, {
      code: 'copy-failed',
      message: `The standing copy ${name} has failed: ${failure?.message ?? 'nobody knows why'}`,
      advice: failure?.advice ?? 'Read the log of the target Transporter.',
      repository,
    });
  }
  if (report?.kind === 'copy' && report.left > 0) {
    await raiseAlarm(context, {
      code: 'copy-incomplete',
      message: `The standing copy ${name} has left ${report.left} recovery points behind, see run ${run.id}.`,
      advice: report.next,
      repository,
    });
  }
  context.afterCopy(rule.id);
}
