import { describeDomain, withKmsWraps } from '@sealift/crypto';
import type { Context } from '../context.ts';
import { type PasswordEpoch, replaceWrap, wrappedByOthers } from '../db/password-epochs.ts';
import { rewrapSlots } from './rewrap-slots.ts';
import { hashContext, type Wrapped, type Wrapping } from './wrapping.ts';

/** Wraps everything anew that another service or key has wrapped: broken off at any moment, it goes on where it was. */
export async function rewrapAll(context: Context, signal: AbortSignal): Promise<void> {
  const hashes = await rewrapHashes(context, signal);
  const slots = await rewrapSlots(context, signal);
  const { provider, keyRef } = context.wrapping.current;
  if (hashes + slots > 0) context.log.info({ hashes, slots, provider, keyRef }, 'wrapped anew');
}

async function rewrapHashes({ db, wrapping }: Context, signal: AbortSignal): Promise<number> {
  const stale = await wrappedByOthers(db, wrapping.current);
  try {
    for (const epoch of stale) {
      signal.throwIfAborted();
      await rewrap(db, wrapping, epoch);
    }
  } finally {
    // The old wraps are to be worth nothing to whoever gets the old key and the file later.
    if (stale.length > 0) await db.purge();
  }
  return stale.length;
}

async function rewrap(db: Context['db'], wrapping: Wrapping, epoch: PasswordEpoch): Promise<void> {
  if (epoch.wrappedHash === undefined) return;
  const passwordHash = await wrapping.unwrap(epoch.wrappedHash, hashContext(epoch));
  try {
    const wrappedHash = await wrapping.wrap(passwordHash, hashContext(epoch));
    const descriptors = descriptorsWith(wrapping, epoch.descriptor, passwordHash, wrappedHash);
    const { kmsDescriptor: _, ...kept } = epoch;
    await replaceWrap(db, epoch, { ...kept, wrappedHash, ...descriptors });
  } finally {
    passwordHash.fill(0);
  }
}

/**
 * The descriptor as it is stored, and as recovery points get it: with a key management service that carries the wrapped
 * hash, so that another Director with access to the service needs no password. So does a key file that was named as one, for it
 * may be kept apart; that which a Director makes beside its database is no such service. They are stored apart so that the wrap can be forgotten, without the service too.
 */
export function descriptorsWith(
  { inPoints }: Pick<Wrapping, 'inPoints'>,
  descriptor: Buffer,
  passwordHash: Buffer,
  { bytes, provider, keyRef }: Wrapped,
): Pick<PasswordEpoch, 'descriptor' | 'kmsDescriptor'> {
  const bare = withoutWraps(descriptor, passwordHash);
  if (!inPoints) return { descriptor: bare };
  return {
    descriptor: bare,
    kmsDescriptor: withKmsWraps(passwordHash, bare, [{ provider, keyRef, ciphertext: bytes }]),
  };
}

/** Rows of an earlier version hold the wraps in their only descriptor. */
export function withoutWraps(descriptor: Buffer, passwordHash: Buffer): Buffer {
  return carriesWraps(descriptor) ? withKmsWraps(passwordHash, descriptor, []) : descriptor;
}

export function carriesWraps(descriptor: Buffer): boolean {
  return describeDomain(descriptor).kmsWraps.length > 0;
}
