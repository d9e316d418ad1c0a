import type { KeySlot, SlotRequest } from '@sealift/wire';
import type { Context } from '../context.ts';
import type { Repository } from '../db/repositories.ts';
import { forgetSlotKey, keepSlotKey } from '../db/repository-keys.ts';
import { fail } from '../failures.ts';
import type { Session } from '../inventory/connections.ts';
import { KEY_PATIENCE, makeSlot, sealForTarget } from './repository-slots.ts';

/** Adds a key slot to an unlocked repository. Its key is kept only once the target has the slot. */
export async function addSlot(
  context: Context,
  session: Session,
  { id, name }: Repository,
  request: SlotRequest,
): Promise<void> {
  const { slot, slotKey, kept } = await makeSlot(context, name, request);
  try {
    const params = { repositoryId: id, slot, ...(await sealForTarget(session, slotKey)) };
    context.repositories.opened(
      await session.peer.call('repository.add-slot', params, AbortSignal.timeout(KEY_PATIENCE)),
    );
    if (kept !== undefined) await keepSlotKey(context.db, { repositoryId: id, slotId: slot.slotId, wrapped: kept });
  } finally {
    slotKey.fill(0);
  }
  context.log.info({ repository: name, slot: slot.slotId, kind: slot.kind, label: slot.label }, 'key slot added');
}

/** Removes a slot, named by id or label. */
export async function removeSlot(
  context: Context,
  session: Session,
  { id, name }: Repository,
  reference: string,
): Promise<void> {
  const { slotId, label } = slotNamed(context, { id, name }, reference);
  const params = { repositoryId: id, slotId };
  const answer = await session.peer.call('repository.remove-slot', params, AbortSignal.timeout(KEY_PATIENCE));
  context.repositories.opened(answer);
  await forgetSlotKey(context.db, id, slotId);
  await context.db.purge();
  context.log.info({ repository: name, slot: slotId, label }, 'key slot removed');
}

/** A new slot in the place of one: the old one goes when the new one stands. */
export async function replaceSlot(
  context: Context,
  session: Session,
  repository: Repository,
  { slot, request }: { slot: string; request: SlotRequest },
): Promise<void> {
  const { slotId } = slotNamed(context, repository, slot);
  await addSlot(context, session, repository, request);
  await removeSlot(context, session, repository, slotId);
}

function slotNamed(
  { repositories }: Context,
  { id, name }: Pick<Repository, 'id' | 'name'>,
  reference: string,
): KeySlot {
  const slots = repositories.of(id)?.keys?.slots ?? [];
  const found = slots.filter(({ slotId, label }) => slotId === reference || label === reference);
  const [slot] = found;
  if (slot === undefined) throw fail('not-found', `The repository ${name} has no key slot ${reference}.`);
  if (found.length > 1) throw fail('ambiguous-name', `${found.length} key slots of ${name} are called ${reference}.`);
  return slot;
}
