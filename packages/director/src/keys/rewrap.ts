import { describeDomain, withKmsWraps } from '@sealift/crypto';
import type { Context } from '../context.ts';
import { type PasswordEpoch, replaceWrap, wrappedByOthers } from '../db/password-epochs.ts';
import { hashContext, type Wrapped, type Wrapping } from './wrapping.ts';

/**
 * Wraps every stored hash anew that another service or key has wrapped. Row by row: broken off at any moment, it goes
 * on where it was. Resolves with the number of hashes wrapped.
 */
export async function rewrapAll({ db, wrapping, log }: Context, signal: AbortSignal): Promise<number> {
  const stale = await wrappedByOthers(db, wrapping.current);
  for (const epoch of stale) {
    signal.throwIfAborted();
    await rewrap(db, wrapping, epoch);
  }
  const { provider, keyRef } = wrapping.current;
  if (stale.length > 0) log.info({ hashes: stale.length, provider, keyRef }, 'password hashes wrapped anew');
  return stale.length;
}

async function rewrap(db: Context['db'], wrapping: Wrapping, epoch: PasswordEpoch): Promise<void> {
  if (epoch.wrappedHash === undefined) return;
  const passwordHash = await wrapping.unwrap(epoch.wrappedHash, hashContext(epoch));
  try {
    const wrappedHash = await wrapping.wrap(passwordHash, hashContext(epoch));
    const descriptor = descriptorWith(wrapping, epoch.descriptor, passwordHash, wrappedHash);
    await replaceWrap(db, epoch, { ...epoch, wrappedHash, descriptor });
  } finally {
    passwordHash.fill(0);
  }
}

/**
 * The descriptor as recovery points get it: with a key management service it carries the wrapped hash, so that another
 * Director with access to the service needs no password. So does a key file that was named as one, for it may be kept
 * apart; that which a Director makes beside its database is no such service.
 */
export function descriptorWith(
  { inPoints }: Pick<Wrapping, 'inPoints'>,
  descriptor: Buffer,
  passwordHash: Buffer,
  { bytes, provider, keyRef }: Wrapped,
): Buffer {
  const wraps = inPoints ? [{ provider, keyRef, ciphertext: bytes }] : [];
  const present = describeDomain(descriptor).kmsWraps;
  return wraps.length === 0 && present.length === 0 ? descriptor : withKmsWraps(passwordHash, descriptor, wraps);
}
