import { Failure, toFailure } from '@sealift/core';
import { slotKeyWrapContext, uuidBytes } from '@sealift/crypto';
import type { Context } from '../context.ts';
import { forgetSlot, kmsSlots, type RecordedSlot } from '../db/key-slots.ts';
import { existingRepository, type Repository } from '../db/repositories.ts';
import { countSlotKeys, type KeptSlotKey, keepSlotKey, slotKeysWrappedByOthers } from '../db/repository-keys.ts';
import { fail } from '../failures.ts';
import { replaceSlot } from './change-slots.ts';

/** A key that stays under the old service, and why. */
interface Left {
  what: string;
  failure: Failure;
}

/**
 * Wraps anew what opens repositories that are encrypted at rest: slot keys kept here, and slots whose key a service other
 * than the present one wraps, each replaced by a new one. One by one, so that it can be broken off; one that fails does not
 * stand before the next.
 * @returns how many @throws Failure naming all that are left; `repository-closed` when no more than that their targets are
 * away or they are locked
 */
export async function rewrapSlots(context: Context, signal: AbortSignal): Promise<number> {
  const left: Left[] = [];
  let done = 0;
  const attempt = async (what: string, work: () => Promise<boolean>) => {
    signal.throwIfAborted();
    try {
      if (await work()) done++;
    } catch (thrown) {
      left.push({ what, failure: toFailure(thrown) });
    }
  };
  const stale = await slotKeysWrappedByOthers(context.db, context.wrapping.current);
  try {
    for (const kept of stale) await attempt(`the key kept of slot ${kept.slotId}`, () => rewrapKept(context, kept));
  } finally {
    // As with hashes: the old wraps are to be worth nothing to whoever gets the old key and the file later.
    if (stale.length > 0) await context.db.purge();
  }
  for (const slot of await slotsOfOthers(context)) {
    const repository = await existingRepository(context.db, slot.repositoryId);
    const what = `the slot ${nameOf(context, slot)} of ${repository.name}`;
    await attempt(what, () => replace(context, repository, slot));
  }
  refuseRest(left);
  return done;
}

/** How many of these are wrapped by the present service, and how many by others, those of absent targets among them. */
export async function countSlotWraps(context: Context): Promise<{ current: number; other: number }> {
  const { db, wrapping } = context;
  const others = (await slotKeysWrappedByOthers(db, wrapping.current)).length + (await slotsOfOthers(context)).length;
  const all = (await countSlotKeys(db)) + (await kmsSlots(db)).length;
  return { current: all - others, other: others };
}

async function slotsOfOthers({ db, wrapping }: Context): Promise<RecordedSlot[]> {
  const { provider, keyRef } = wrapping.current;
  return (await kmsSlots(db)).filter(
    ({ wrappedBy }) => wrappedBy?.provider !== provider || wrappedBy.keyRef !== keyRef,
  );
}

async function rewrapKept({ db, wrapping }: Context, kept: KeptSlotKey): Promise<boolean> {
  const bound = slotKeyWrapContext(uuidBytes(kept.slotId));
  const slotKey = await wrapping.unwrap(kept.wrapped, bound);
  try {
    await keepSlotKey(db, { ...kept, wrapped: await wrapping.wrap(slotKey, bound) });
  } finally {
    slotKey.fill(0);
  }
  return true;
}

/** @returns false when its target has no such slot any more */
async function replace(context: Context, repository: Repository, { slotId }: RecordedSlot): Promise<boolean> {
  const session = context.connections.of(repository.transporterId);
  if (session === undefined) throw fail('repository-closed', `${repository.transporterName} is not connected`);
  await context.repositories.refresh(session, repository);
  const keys = context.repositories.of(repository.id)?.keys;
  if (keys?.locked !== false) throw fail('repository-closed', `${repository.name} is locked or not open`);
  const slot = keys.slots.find((one) => one.slotId === slotId);
  if (slot === undefined) {
    await forgetSlot(context.db, repository.id, slotId);
    return false;
  }
  const request = { kind: 'kms' as const, label: slot.label };
  await replaceSlot(context, session, repository, { slot: slotId, request });
  return true;
}

/** By its label where the target has told of it. */
function nameOf({ repositories }: Context, { repositoryId, slotId }: RecordedSlot): string {
  const slots = repositories.of(repositoryId)?.keys?.slots ?? [];
  return slots.find((slot) => slot.slotId === slotId)?.label ?? slotId;
}

/** What more than waiting has to be done about comes first. */
function refuseRest(left: Left[]): void {
  const [first] = left.toSorted((a, b) => Number(isClosed(a)) - Number(isClosed(b)));
  if (first === undefined) return;
  const { code, kind, advice } = first.failure;
  const all = left.map(({ what, failure }) => `${what} (${failure.message})`).join('; ');
  const next = isClosed(first) ? 'Start the targets, unlock the repositories, then rewrap again.' : advice;
  throw new Failure(code, kind, `Not wrapped anew: ${all}.`, { advice: next });
}

function isClosed({ failure }: Left): boolean {
  return failure.code === 'repository-closed';
}
