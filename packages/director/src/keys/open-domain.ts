import { type Failure, toFailure } from '@sealift/core';
import { describeDomain, type OpenDomain, openDomain, openWithKms } from '@sealift/crypto';
import type { Context } from '../context.ts';
import { kmsDescriptorsOpening } from '../db/descriptors.ts';
import { newestEpoch, type PasswordEpoch } from '../db/password-epochs.ts';
import { fail } from '../failures.ts';
import { givenHash } from './given-hashes.ts';
import { hashContext } from './wrapping.ts';

/** The ways to the keys of an encryption domain, in the order in which they are tried. */
export const WAYS = ['hash', 'kms', 'password'] as const;
export type Way = (typeof WAYS)[number];

export interface WantedDomain {
  /** UUID. */
  domainId: string;
  /** Who writes must have the newest password; of who reads, an earlier one is taken as far as it reaches. */
  use: 'write' | 'read';
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

interface Found {
  passwordHash: Buffer;
  /** To open with. */
  descriptor: Buffer;
  /** For a new recovery point, where that is another one. */
  forPoints?: Buffer | undefined;
}

/**
 * Opens an encryption domain by the hash in the database, else by the KMS wrap in a descriptor, else by a password that
 * was given. A way that fails, for its key is lost or its service away, does not stand before the next.
 * @throws Failure of the first way that failed, `password-needed` when there is none at all
 */
export async function openWantedDomain(context: Context, wanted: WantedDomain): Promise<OpenedDomain> {
  const epoch = await newestEpoch(context.db, wanted.domainId);
  let failure: Failure | undefined;
  for (const way of wanted.way === undefined ? WAYS : [wanted.way]) {
    try {
      const opened = await openBy(way, context, wanted, epoch);
      if (opened !== undefined) return opened;
    } catch (thrown) {
      failure ??= toFailure(thrown);
    }
  }
  throw failure ?? fail('password-needed', `The password of encryption domain ${wanted.domainId} is not kept here.`);
}

const OPENERS = { hash: byStoredHash, kms: byKms, password: byGivenPassword };

async function openBy(
  way: Way,
  context: Context,
  wanted: WantedDomain,
  epoch: PasswordEpoch | undefined,
): Promise<OpenedDomain | undefined> {
  const found = await OPENERS[way](context, wanted, epoch);
  if (found === undefined) return undefined;
  try {
    const domain = openDomain(found.passwordHash, found.descriptor);
    return { domain, descriptor: found.forPoints ?? found.descriptor, way };
  } finally {
    if (way !== 'password') found.passwordHash.fill(0);
  }
}

/** A hash of an earlier password than that of the point does not open it. */
async function byStoredHash(
  { wrapping }: Context,
  { descriptor: presented }: WantedDomain,
  epoch: PasswordEpoch | undefined,
): Promise<Found | undefined> {
  if (epoch?.wrappedHash === undefined || epoch.epoch < epochOf(presented)) return undefined;
  const { descriptor, kmsDescriptor, wrappedHash } = epoch;
  return { passwordHash: await wrapping.unwrap(wrappedHash, hashContext(epoch)), descriptor, forPoints: kmsDescriptor };
}

/**
 * A descriptor that a Transporter presents counts only where the domain is not known here: else a password that was
 * forgotten would go on being opened by the wrap in an older point.
 */
async function byKms(
  { db, wrapping }: Context,
  { domainId, descriptor: presented }: WantedDomain,
  epoch: PasswordEpoch | undefined,
): Promise<Found | undefined> {
  const recorded = await kmsDescriptorsOpening(db, domainId, epochOf(presented));
  for (const descriptor of epoch === undefined && presented !== undefined ? [...recorded, presented] : recorded) {
    const passwordHash = await openWithKms(descriptor, wrapping.all);
    if (passwordHash !== undefined) return { passwordHash, descriptor };
  }
  return undefined;
}

function epochOf(descriptor: Buffer | undefined): number {
  return descriptor === undefined ? 0 : describeDomain(descriptor).epoch;
}

async function byGivenPassword(
  { given }: Context,
  { givenFor, domainId, use }: WantedDomain,
  epoch: PasswordEpoch | undefined,
): Promise<Found | undefined> {
  return givenHash(given, givenFor, { domainId, newest: use === 'write' ? epoch?.epoch : undefined });
}
