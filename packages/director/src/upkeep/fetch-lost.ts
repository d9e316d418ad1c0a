import { randomUUID } from 'node:crypto';
import { toFailure } from '@sealift/core';
import { MAX_COPIED, type RepairReport } from '@sealift/wire';
import type { Context } from '../context.ts';
import { copiesToFetch } from '../db/point-copies.ts';
import { repositoryNamed } from '../db/repositories.ts';
import type { UpkeepRun } from '../db/run.ts';
import { queueUpkeep } from '../schedule/queue-upkeep.ts';

/**
 * What recovery points have lost by the report of a repair is fetched again from the repositories that hold copies of them:
 * each copies these points back. Never fails.
 */
export async function fetchLost(
  context: Context,
  repository: UpkeepRun['repository'],
  { dryRun, affected }: RepairReport,
): Promise<void> {
  const { db, log } = context;
  if (dryRun || affected.length === 0) return;
  try {
    const lost = affected.map(({ point }) => point);
    for (const [from, points] of await copiesToFetch(db, repository.id, lost)) {
      const spec = { repositoryId: repository.id, points: points.slice(0, MAX_COPIED - 1) };
      await queueUpkeep(context, randomUUID(), await repositoryNamed(db, from), { kind: 'copy', spec });
    }
  } catch (thrown) {
    const failure = toFailure(thrown);
    log.warn({ repository: repository.name, failure }, 'what was lost could not be asked for from the copies');
  }
}
