import { toFailure } from '@sealift/core';
import type { RequestPart } from '@sealift/wire';
import type { Context } from '../context.ts';
import { type Repository, recordPlace, repositoryNamed } from '../db/repositories.ts';
import { targetNamed } from '../db/transporters.ts';
import { unlockUnasked } from '../keys/unlock-repository.ts';
import type { Session } from './connections.ts';
import { LONGEST_OPENING } from './open-repositories.ts';

/**
 * Records where a repository is that somebody has moved, once the target there has opened it. The target that had it gives it
 * up first, if it is there, and takes it back if nothing comes of the move. Asked again it answers the same.
 *
 * @throws Failure `transporter-away`; whatever the target says of the new place: `repository-not-found`,
 * `repository-conflict` when another one is there, `repository-in-use` while somebody else serves it
 */
export async function moveRepository(
  context: Context,
  reference: string,
  { transporter, path }: RequestPart<'moveRepository', 'body'>,
  signal: AbortSignal,
): Promise<Repository> {
  const { db, connections, log } = context;
  const repository = await repositoryNamed(db, reference);
  const to = await targetNamed(db, transporter ?? repository.transporterId);
  const session = connections.required(to);
  const leaving = to.id === repository.transporterId ? undefined : connections.of(repository.transporterId);
  const limit = AbortSignal.any([signal, AbortSignal.timeout(LONGEST_OPENING)]);
  await leaving?.peer.call('repository.leave', { repositoryId: repository.id }, limit);
  try {
    const opened = await session.peer.call('repository.open', { repositoryId: repository.id, path }, limit);
    context.repositories.opened(repository.id, opened);
    await recordPlace(db, repository.id, to.id, path);
  } catch (thrown) {
    if (leaving !== undefined) takeBack(context, leaving, repository);
    throw thrown;
  }
  const from = `${repository.transporterName}:${repository.path}`;
  log.info({ audit: 'repository', repository: repository.name, from, to: `${to.name}:${path}` }, 'repository moved');
  const moved = await repositoryNamed(db, repository.id);
  await unlockUnasked(context, session, moved);
  // What is at the new place may be an older state of it.
  await context.comparisons.compareSoon(moved);
  context.wakeDispatcher();
  return moved;
}

function takeBack({ repositories, log, signal }: Context, leaving: Session, repository: Repository): void {
  repositories.open(leaving, repository, signal).catch((thrown) => {
    log.warn({ repository: repository.name, failure: toFailure(thrown) }, 'not taken back');
  });
}
