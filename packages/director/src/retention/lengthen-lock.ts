import type { Context } from '../context.ts';
import { recordImmutability } from '../db/repositories.ts';
import { PATIENCE, targetOf } from './target-of.ts';

const DAY = 24 * 3_600_000;

/** Has the target lock every new point of a repository for so many days. It keeps that itself, and only lengthens it. */
export async function lengthenLock(context: Context, repositoryId: string, days: number): Promise<void> {
  const { repository, session } = await targetOf(context, repositoryId);
  const asked = { repositoryId, period: days * DAY };
  const { period } = await session.peer.call('repository.lengthen-lock', asked, AbortSignal.timeout(PATIENCE));
  await recordImmutability(context.db, repositoryId, Math.floor(period / DAY));
  context.log.info({ audit: 'immutability', repository: repository.name, days }, 'new recovery points are locked');
}
