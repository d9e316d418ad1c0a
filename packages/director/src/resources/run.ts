import type { RunResource } from '@sealift/wire';
import type { Context } from '../context.ts';
import type { Run } from '../db/runs.ts';
import { isoTime } from './time.ts';

export function runResource({ board, connections }: Pick<Context, 'board' | 'connections'>, run: Run): RunResource {
  const progress = board.get(run.id)?.progress ?? run.progress;
  const away = run.state === 'running' && connections.of(run.transporter.id) === undefined;
  const reason = away ? `the Transporter ${run.transporter.name} is not connected` : run.reason;
  return {
    id: run.id,
    job: run.job,
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
    ...(run.pointId === undefined ? {} : { point: run.pointId }),
    ...(run.restore === undefined ? {} : { restore: restoreResource(run.restore) }),
  };
}

function restoreResource({ pointId, path, only, overwrite }: NonNullable<Run['restore']>) {
  return { point: pointId, path, only, overwrite };
}
