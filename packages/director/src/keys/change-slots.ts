import { toFailure } from '@sealift/core';
import type { KeySlot, SlotRequest } from '@sealift/wire';
import type { Context } from '../context.ts';
import { forgetSlot, recordSlot } from '../db/key-slots.ts';
import type { Repository } from '../db/repositories.ts';
import { forgetSlotKey, keepSlotKey } from '../db/repository-keys.ts';
import { fail } from '../failures.ts';
import type { Session } from '../inventory/connections.ts';
import { claimSlots } from './own-slots.ts';
import { KEY_PATIENCE, makeSlot, sealForTarget } from './repository-slots.ts';

/**
 * Adds a key slot to an unlocked repository. It is written down and its key kept before the target is asked, for its answer
 * may be lost; both are forgotten when it refuses.
 */
export async function addSlot(
  context: Context,
  session: Session,
  { id, name }: Repository,
  request: SlotRequest,
): Promise<void> {
  const { slot, slotKey, kept } = await makeSlot(context, name, request);
  try {
    const params = { repositoryId: id, slot, ...(await sealForTarget(session, slotKey)) };
    // Those that were there before count as its own only while none is recorded.
    await claimSlots(context, { id });
    await recordSlot(context.db, id, slot);
    if (kept !== undefined) await keepSlotKey(context.db, { repositoryId: id, slotId: slot.slotId, wrapped: kept });
    const limit = AbortSignal.timeout(KEY_PATIENCE);
    context.repositories.opened(id, await session.peer.call('repository.add-slot', params, limit));
  } catch (thrown) {
    if (['refused', 'corrupt'].includes(toFailure(thrown).kind)) await forget(context, id, slot.slotId);
    throw thrown;
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
  context.repositories.opened(id, answer);
  await forget(context, id, slotId);
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

async function forget({ db }: Context, repositoryId: string, slotId: string): Promise<void> {
  await forgetSlotKey(db, repositoryId, slotId);
  await forgetSlot(db, repositoryId, slotId);
  await db.purge();
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
