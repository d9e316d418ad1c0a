import { describeDomain, type OpenDomain, openDomain, openWithKms } from '@sealift/crypto';
import type { Context } from '../context.ts';
import { descriptorsOpening } from '../db/descriptors.ts';
import { newestEpoch } from '../db/password-epochs.ts';
import { fail } from '../failures.ts';
import { hashContext } from './wrapping.ts';

/** The ways to the keys of an encryption domain, in the order in which they are tried. */
export const WAYS = ['hash', 'kms', 'password'] as const;
export type Way = (typeof WAYS)[number];

export interface WantedDomain {
  /** UUID. */
  domainId: string;
  /** The descriptor in the recovery point that is to be opened, where that is known. */
  descriptor?: Buffer | undefined;
  /** Run or point for which a password may have been given. */
  givenFor: string[];
  /** This way and no other. */
  way?: Way | undefined;
}

export interface OpenedDomain {
  domain: OpenDomain;
  descriptor: Buffer;
  way: Way;
}

/**
 * Opens an encryption domain by the hash in the database, else by the KMS wrap in a descriptor, else by a password that
 * was given. @throws Failure `password-needed` when no way is open
 */
export async function openWantedDomain(context: Context, wanted: WantedDomain): Promise<OpenedDomain> {
  const openers = { hash: byStoredHash, kms: byKms, password: byGivenPassword };
  for (const way of wanted.way === undefined ? WAYS : [wanted.way]) {
    const found = await openers[way](context, wanted);
    if (found === undefined) continue;
    try {
      const domain = openDomain(found.passwordHash, found.descriptor);
      return { domain, descriptor: found.descriptor, way };
    } finally {
      if (way !== 'password') found.passwordHash.fill(0);
    }
  }
  throw fail('password-needed', `The password of encryption domain ${wanted.domainId} is not kept here.`);
}

/** A hash of an earlier password than that of the point does not open it. */
async function byStoredHash({ db, wrapping }: Context, { domainId, descriptor }: WantedDomain) {
  const epoch = await newestEpoch(db, domainId);
  if (epoch?.wrappedHash === undefined || epoch.epoch < epochOf(descriptor)) return undefined;
  return { passwordHash: await wrapping.unwrap(epoch.wrappedHash, hashContext(epoch)), descriptor: epoch.descriptor };
}

async function byKms({ db, wrapping }: Context, { domainId, descriptor }: WantedDomain) {
  for (const candidate of [...(await descriptorsOpening(db, domainId, epochOf(descriptor))), descriptor]) {
    const passwordHash = candidate && (await openWithKms(candidate, wrapping.all));
    if (candidate !== undefined && passwordHash !== undefined) return { passwordHash, descriptor: candidate };
  }
  return undefined;
}

function epochOf(descriptor: Buffer | undefined): number {
  return descriptor === undefined ? 0 : describeDomain(descriptor).epoch;
}

async function byGivenPassword({ given }: Context, { givenFor }: WantedDomain) {
  return givenFor.map((id) => given.of(id)).find((hash) => hash !== undefined);
}
