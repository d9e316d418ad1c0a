import { type Failure, toFailure } from '@sealift/core';
import { masterKey, slotKeyFromPassword, slotKeyWrapContext, uuidBytes } from '@sealift/crypto';
import type { KeySlot } from '@sealift/wire';
import type { Context } from '../context.ts';
import type { Repository } from '../db/repositories.ts';
import { type KeptSlotKey, slotKeysOf } from '../db/repository-keys.ts';
import { fail } from '../failures.ts';
import type { Session } from '../inventory/connections.ts';
import { ownKmsSlots, slotsNotOfOthers } from './own-slots.ts';
import { KEY_PATIENCE, sealForTarget } from './repository-slots.ts';

/** A slot, and a way to its key. */
interface Way {
  slotId: string;
  key: () => Promise<Buffer>;
}

/** How the key of a slot is come by: kept here, wrapped; through the service that wrapped it; from a password. */
export type SlotWay = 'hash' | 'kms' | 'password';

/** When a target has opened a repository: with the keys that are kept here, or through the service that wrapped them. */
export async function unlockUnasked(context: Context, session: Session, repository: Repository): Promise<void> {
  const keys = context.repositories.of(repository.id)?.keys;
  if (keys?.locked !== true) return;
  try {
    await unlockBy(context, session, repository, await waysOfItsOwn(context, repository));
  } catch (thrown) {
    const failure = toFailure(thrown);
    context.log.warn({ repository: repository.name, failure }, 'repository stays locked');
    context.repositories.notUnlocked(repository.id, failure);
  }
}

/** With what somebody gives, or without, as above. @throws Failure `wrong-repository-key` when none of it opens a slot */
export async function unlockRepository(
  context: Context,
  session: Session,
  repository: Repository,
  given: { password?: string; key?: string },
): Promise<void> {
  if (context.repositories.of(repository.id)?.keys === undefined) {
    throw fail('repository-not-encrypted', `The repository ${repository.name} is not encrypted at rest.`);
  }
  const { password, key } = given;
  const slots = await slotsNotOfOthers(context, repository);
  if (password !== undefined) await unlockBy(context, session, repository, waysOfPassword(slots, password));
  else if (key !== undefined) await unlockBy(context, session, repository, waysOfKey(slots, key));
  else await unlockBy(context, session, repository, await waysOfItsOwn(context, repository));
}

function waysOfPassword(slots: KeySlot[], password: string): Way[] {
  return slots.flatMap(({ slotId, kdf }) => {
    if (kdf === undefined) return [];
    const slot = { salt: kdf.salt, kdf: { name: 'argon2id', ...kdf } as const };
    return [{ slotId, key: () => slotKeyFromPassword(password, slot) }];
  });
}

function waysOfKey(slots: KeySlot[], key: string): Way[] {
  const ofKeyFiles = slots.filter(({ kind }) => kind === 'keyfile');
  return ofKeyFiles.map(({ slotId }) => ({ slotId, key: async () => masterKey(key) }));
}

/** The ways to a key that are set up for a repository; none where it is not encrypted at rest. */
export async function slotWays(context: Context, repositoryId: string): Promise<SlotWay[]> {
  const kept = await keptKeys(context, repositoryId);
  const slots = await ownKmsSlots(context, { id: repositoryId });
  const byService = slots.some(({ kms }) => kms !== undefined && context.wrapping.knows(kms));
  return [...(kept.length > 0 ? ['hash' as const] : []), ...(byService ? ['kms' as const] : [])];
}

/** Gives the target the key of every slot that is opened this way; it proves each against its key table. */
export async function proveSlots(
  context: Context,
  session: Session,
  repository: Repository,
  { way, password }: { way: SlotWay; password?: string | undefined },
): Promise<void> {
  if (way === 'password') {
    const slots = await slotsNotOfOthers(context, repository);
    return await unlockBy(context, session, repository, waysOfPassword(slots, password ?? ''));
  }
  const own = await waysOfItsOwn(context, repository);
  const services = new Set((await ownKmsSlots(context, repository)).map(({ slotId }) => slotId));
  for (const one of own) {
    if (services.has(one.slotId) === (way === 'kms')) await unlockSlot(context, session, repository, one);
  }
}

/** Of the keys that are kept, those whose slots the target has: one may have been refused or lost while it was made. */
async function keptKeys({ db, repositories }: Context, repositoryId: string): Promise<KeptSlotKey[]> {
  const told = new Set(repositories.of(repositoryId)?.keys?.slots.map(({ slotId }) => slotId));
  return (await slotKeysOf(db, repositoryId)).filter(({ slotId }) => told.has(slotId));
}

async function waysOfItsOwn(context: Context, repository: Repository): Promise<Way[]> {
  const { wrapping } = context;
  const kept = await keptKeys(context, repository.id);
  const slots = await ownKmsSlots(context, repository);
  const wraps = [
    ...kept.map(({ slotId, wrapped }) => ({ slotId, wrapped })),
    ...slots.flatMap(({ slotId, kms }) =>
      kms === undefined ? [] : [{ slotId, wrapped: { ...kms, bytes: kms.ciphertext } }],
    ),
  ];
  return wraps.map(({ slotId, wrapped }) => ({
    slotId,
    key: () => wrapping.unwrap(wrapped, slotKeyWrapContext(uuidBytes(slotId))),
  }));
}

/** Tries one way after the other; the first that opens a slot is enough. */
async function unlockBy(context: Context, session: Session, repository: Repository, ways: Way[]): Promise<void> {
  const failures: Failure[] = [];
  for (const way of ways) {
    try {
      await unlockSlot(context, session, repository, way);
      return;
    } catch (thrown) {
      failures.push(toFailure(thrown));
    }
  }
  const worst = failures.toSorted((a, b) => rank(a) - rank(b))[0];
  if (worst !== undefined) throw worst;
  throw fail(
    'repository-key-missing',
    `Nothing that is kept here or was given opens the repository ${repository.name}.`,
  );
}

/** What may pass comes first, so that it is tried again; a damaged table must not read as a wrong password. */
function rank({ code, kind }: Failure): number {
  if (code === 'wrong-repository-key' || code === 'repository-key-missing') return 3;
  return kind === 'retry' ? 0 : kind === 'corrupt' ? 1 : 2;
}

async function unlockSlot(context: Context, session: Session, { id, name }: Repository, { slotId, key }: Way) {
  const slotKey = await key();
  try {
    const answer = await sealForTarget(session, slotKey);
    const limit = AbortSignal.timeout(KEY_PATIENCE);
    context.repositories.opened(
      id,
      await session.peer.call('repository.unlock', { repositoryId: id, slotId, ...answer }, limit),
    );
    context.log.info({ repository: name, slot: slotId }, 'repository unlocked');
    context.wakeDispatcher();
  } finally {
    slotKey.fill(0);
  }
}
