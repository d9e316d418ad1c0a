import type { FastifyInstance } from 'fastify';
import type { Context } from '../context.ts';
import { type Repository, repositoryNamed } from '../db/repositories.ts';
import type { Session } from '../inventory/connections.ts';
import { addSlot, removeSlot, replaceSlot } from '../keys/change-slots.ts';
import { unlockRepository } from '../keys/unlock-repository.ts';
import { repositoryResource } from '../resources/repository.ts';
import { serve } from './serve.ts';

/** Locks and key slots of repositories that are encrypted at rest. */
export function serveRepositoryKeys(app: FastifyInstance, context: Context): void {
  // Deriving a key takes 256 MiB, so one at a time.
  let before: Promise<unknown> = Promise.resolve();
  const change = (reference: string, work: (session: Session, repository: Repository) => Promise<void>) => {
    const turn = before.then(async () => {
      const repository = await repositoryNamed(context.db, reference);
      const session = context.connections.required({ id: repository.transporterId, name: repository.transporterName });
      // What is known of its slots may be older than what somebody else changed.
      await context.repositories.refresh(session, repository);
      await work(session, repository);
      return await repositoryResource(context, repository);
    });
    before = turn.catch(() => {});
    return turn;
  };

  serve(app, 'unlockRepository', ({ params, body }) =>
    change(params.id, (session, repository) => unlockRepository(context, session, repository, body)),
  );
  serve(app, 'addRepositoryKey', ({ params, body }) =>
    change(params.id, (session, repository) => addSlot(context, session, repository, body)),
  );
  serve(app, 'removeRepositoryKey', ({ params }) =>
    change(params.id, (session, repository) => removeSlot(context, session, repository, params.slot)),
  );
  serve(app, 'rotateRepositoryKey', ({ params, body }) =>
    change(params.id, (session, repository) =>
      replaceSlot(context, session, repository, { slot: params.slot, request: body }),
    ),
  );
}
