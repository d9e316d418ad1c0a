import { slotKeyWrapContext, uuidBytes } from '@sealift/crypto';
import type { KeySlot } from '@sealift/wire';
import type { Context } from '../context.ts';
import { everyRepository, type Repository } from '../db/repositories.ts';
import { countSlotKeys, keepSlotKey, slotKeysWrappedByOthers } from '../db/repository-keys.ts';
import { fail } from '../failures.ts';
import { replaceSlot } from './change-slots.ts';

/** A slot of a repository that a key management service opens. */
interface KmsSlot {
  repository: Repository;
  slot: KeySlot;
}

/**
 * Wraps anew what opens repositories that are encrypted at rest: slot keys kept here, and slots whose key a service other
 * than the present one wraps, each replaced by a new one. One by one, so that it can be broken off.
 * @returns how many @throws Failure `repository-closed` for slots whose target is away or whose repository is locked
 */
export async function rewrapSlots(context: Context, signal: AbortSignal): Promise<number> {
  const { db, wrapping } = context;
  const stale = await slotKeysWrappedByOthers(db, wrapping.current);
  for (const kept of stale) {
    signal.throwIfAborted();
    const bound = slotKeyWrapContext(uuidBytes(kept.slotId));
    const slotKey = await wrapping.unwrap(kept.wrapped, bound);
    try {
      await keepSlotKey(db, { ...kept, wrapped: await wrapping.wrap(slotKey, bound) });
    } finally {
      slotKey.fill(0);
    }
  }
  const slots = await kmsSlots(context, 'others');
  for (const { repository, slot } of slots) {
    signal.throwIfAborted();
    await replace(context, repository, slot);
  }
  return stale.length + slots.length;
}

/** How many of these are wrapped by the present service, and how many by others. */
export async function countSlotWraps(context: Context): Promise<{ current: number; other: number }> {
  const { db, wrapping } = context;
  const others =
    (await slotKeysWrappedByOthers(db, wrapping.current)).length + (await kmsSlots(context, 'others')).length;
  const all = (await countSlotKeys(db)) + (await kmsSlots(context, 'all')).length;
  return { current: all - others, other: others };
}

async function kmsSlots({ db, repositories, wrapping }: Context, which: 'all' | 'others'): Promise<KmsSlot[]> {
  const { provider, keyRef } = wrapping.current;
  return (await everyRepository(db)).flatMap((repository) => {
    const slots = repositories.of(repository.id)?.keys?.slots ?? [];
    const wrapped = slots.filter(({ kms }) => kms !== undefined);
    const wanted = wrapped.filter(({ kms }) => which === 'all' || kms?.provider !== provider || kms.keyRef !== keyRef);
    return wanted.map((slot) => ({ repository, slot }));
  });
}

async function replace(context: Context, repository: Repository, slot: KeySlot): Promise<void> {
  const session = context.connections.of(repository.transporterId);
  if (session === undefined || context.repositories.of(repository.id)?.keys?.locked !== false) {
    throw fail(
      'repository-closed',
      `The key slot ${slot.label} of ${repository.name} is not wrapped anew: its target is away or it is locked.`,
    );
  }
  const request = { kind: 'kms' as const, label: slot.label };
  await replaceSlot(context, session, repository, { slot: slot.slotId, request });
}
