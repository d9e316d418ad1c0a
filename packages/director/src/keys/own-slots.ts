import type { KeySlot } from '@sealift/wire';
import type { Context } from '../context.ts';
import { ownerOfSlot, recordedSlots, recordSlot } from '../db/key-slots.ts';
import type { Repository } from '../db/repositories.ts';

/**
 * Writes down the slots that a target tells of when none of that repository are known yet: it was taken over, or made
 * before slots were written down. What is recorded for another repository stays with that one.
 */
export async function claimSlots({ db, repositories }: Context, { id }: Pick<Repository, 'id'>): Promise<void> {
  const slots = repositories.of(id)?.keys?.slots ?? [];
  if (slots.length === 0 || (await recordedSlots(db, id)).length > 0) return;
  for (const slot of slots) await recordSlot(db, id, slot);
}

/**
 * The slots that a service opens, of those that the target tells of. The wrapped key comes from the target, and whoever
 * has copied it from the disk of another could have it unwrapped here: so only what is recorded for this repository.
 */
export async function ownKmsSlots(context: Context, repository: Pick<Repository, 'id'>): Promise<KeySlot[]> {
  await claimSlots(context, repository);
  const recorded = new Map((await recordedSlots(context.db, repository.id)).map((slot) => [slot.slotId, slot]));
  const told = context.repositories.of(repository.id)?.keys?.slots ?? [];
  return told.filter(({ slotId, kms }) => {
    const wrappedBy = recorded.get(slotId)?.wrappedBy;
    return kms !== undefined && kms.provider === wrappedBy?.provider && kms.keyRef === wrappedBy.keyRef;
  });
}

/** The slots that a target tells of, without those that are another repository's. */
export async function slotsNotOfOthers(
  { db, repositories }: Context,
  { id }: Pick<Repository, 'id'>,
): Promise<KeySlot[]> {
  const kept: KeySlot[] = [];
  for (const slot of repositories.of(id)?.keys?.slots ?? []) {
    const owner = await ownerOfSlot(db, slot.slotId);
    if (owner === undefined || owner === id) kept.push(slot);
  }
  return kept;
}
