import type { Params, Result } from '@sealift/wire';
import type { Context } from '../context.ts';
import { isUpkeepRun, type Run, subjectOf } from '../db/run.ts';
import { runById } from '../db/runs.ts';
import { addWarnings } from '../db/warnings.ts';
import { fail } from '../failures.ts';
import type { Session } from '../inventory/connections.ts';
import type { ActiveRun } from '../inventory/run-board.ts';
import { pathFields } from '../resources/paths.ts';
import { recordResult } from '../schedule/run-end.ts';

export async function takeProgress(
  context: Context,
  session: Session,
  { taskId, progress }: Params<'task.progress'>,
): Promise<Result<'task.progress'>> {
  const active = await activeRun(context, session, taskId);
  active.progress = progress;
  context.events.publish({ type: 'run.progress', data: { run: taskId, ...active.subject, progress } });
  return {};
}

export async function takeWarnings(
  context: Context,
  session: Session,
  { taskId, warnings }: Params<'task.warning'>,
): Promise<Result<'task.warning'>> {
  const run = await runById(context.db, taskId);
  if (run === undefined || run.transporter.id !== session.transporter.id) return {};
  await addWarnings(context.db, taskId, warnings);
  const told = warnings.map(({ path, code, message }) => ({ ...pathFields(path), code, message }));
  context.events.publish({ type: 'run.warning', data: { run: taskId, ...subjectOf(run), warnings: told } });
  return {};
}

/** Answered once the result is durable, so that the Transporter may forget it. */
export async function takeResult(
  context: Context,
  session: Session,
  { taskId, result }: Params<'task.finished'>,
): Promise<Result<'task.finished'>> {
  const run = await runById(context.db, taskId);
  if (run === undefined || run.transporter.id !== session.transporter.id) {
    throw fail('task-unknown', `The Transporter ${session.transporter.name} was given no task ${taskId}.`);
  }
  if (!fits(run, result)) throw fail('request-invalid', `This cannot be the result of the ${run.kind} run ${run.id}.`);
  await recordResult(context, run, result);
  return {};
}

/** A point comes of a backup alone and has the id of its run; a report is of the kind of the task. */
function fits(run: Run, { point, report }: Params<'task.finished'>['result']): boolean {
  if (isUpkeepRun(run)) return point === undefined && (report === undefined || report.kind === run.kind);
  return report === undefined && (point === undefined || (run.kind === 'backup' && point.id === run.id));
}

/** Progress comes every second, so who may report for a run is looked up once. */
async function activeRun(context: Context, { transporter }: Session, taskId: string): Promise<ActiveRun> {
  const known = context.board.get(taskId);
  if (known?.transporterId === transporter.id) return known;
  const run = await runById(context.db, taskId);
  if (run === undefined || run.transporter.id !== transporter.id || run.state !== 'running') {
    throw fail('task-unknown', `The Transporter ${transporter.name} has no task ${taskId} under way.`);
  }
  const active = { subject: subjectOf(run), transporterId: transporter.id };
  context.board.set(taskId, active);
  return active;
}
