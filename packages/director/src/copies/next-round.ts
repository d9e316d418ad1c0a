import { randomUUID } from 'node:crypto';
import { MAX_COPIED } from '@sealift/wire';
import type { Context } from '../context.ts';
import { copyRuleById } from '../db/copy-rules.ts';
import type { Statement } from '../db/database.ts';
import { pointsToCopy } from '../db/point-copies.ts';
import { type Point, pointById } from '../db/points.ts';
import type { UpkeepRun } from '../db/run.ts';
import { addFollowingRun } from '../db/upkeep-runs.ts';
import { specOf } from './copy-spec.ts';
import { byAge, wantedPoints } from './wanted-points.ts';

/**
 * The run that goes on where a copy has ended that was as large as one may be. It takes up behind the last point of that one,
 * so that points which could not be copied are not tried for ever.
 */
export async function nextRound(context: Context, run: UpkeepRun): Promise<Statement[]> {
  const { upkeep, repository, transporter, copyFor } = run;
  if (upkeep.kind !== 'copy' || copyFor === undefined || upkeep.spec.points.length < MAX_COPIED) return [];
  const { repositoryId, points } = upkeep.spec;
  const last = await pointById(context.db, points.at(-1) ?? '');
  const rest = (await lacking(context, run, repositoryId)).filter((point) => byAge(last, point) < 0);
  if (rest.length === 0) return [];
  const next = { kind: 'copy' as const, spec: specOf(repositoryId, rest) };
  const where = { repositoryId: repository.id, transporterId: transporter.id };
  return [addFollowingRun({ id: randomUUID(), ...where, upkeep: next, copyFor, createdAt: Date.now() }, run.id)];
}

async function lacking(context: Context, { copyFor, repository }: UpkeepRun, to: string): Promise<Point[]> {
  if (copyFor?.rule === undefined) {
    return await pointsToCopy(context.db, { from: repository.id, to, jobId: copyFor?.jobId });
  }
  const rule = await copyRuleById(context.db, copyFor.rule.id);
  return rule === undefined ? [] : await wantedPoints(context, rule);
}
