import type { RunResource } from '@sealift/wire';
import type { Context } from '../context.ts';
import { isUpkeepRun, type JobRun, type Restore, type Run, type UpkeepRun } from '../db/run.ts';
import { isoTime } from './time.ts';

export function runResource({ board, connections }: Pick<Context, 'board' | 'connections'>, run: Run): RunResource {
  // Once it has ended, the result counts; the last report before may still be on the board.
  const told = run.finishedAt === undefined ? board.get(run.id)?.progress : undefined;
  const progress = told ?? run.progress;
  const away = run.state === 'running' && connections.of(run.transporter.id) === undefined;
  const reason = away ? `the Transporter ${run.transporter.name} is not connected` : run.reason;
  return {
    id: run.id,
    kind: run.kind,
    state: run.state,
    attempt: run.attempt,
    transporter: run.transporter,
    createdAt: isoTime(run.createdAt),
    warnings: Math.max(run.warnings, progress?.warnings ?? 0),
    ...(reason === undefined ? {} : { reason }),
    ...(run.startedAt === undefined ? {} : { startedAt: isoTime(run.startedAt) }),
    ...(run.finishedAt === undefined ? {} : { finishedAt: isoTime(run.finishedAt) }),
    ...(progress === undefined ? {} : { progress }),
    ...(run.failure === undefined ? {} : { failure: run.failure }),
    ...(isUpkeepRun(run) ? upkeepFields(run) : jobFields(run)),
  };
}

function jobFields({ job, pointId, restore }: JobRun) {
  return {
    job,
    ...(pointId === undefined ? {} : { point: pointId }),
    ...(restore === undefined ? {} : { restore: restoreResource(restore) }),
  };
}

function upkeepFields({ repository, report, copyFor, continuedBy }: UpkeepRun) {
  const rule = copyFor?.rule;
  return {
    repository,
    ...(report === undefined ? {} : { report }),
    ...(rule === undefined ? {} : { standingCopy: { id: rule.id, name: rule.name ?? rule.id } }),
    ...(continuedBy === undefined ? {} : { continuedBy }),
  };
}

function restoreResource({ pointId, ...restore }: Restore) {
  return { point: pointId, ...restore };
}
