import {
  createDomain,
  type DomainSecret,
  describeDomain,
  openWithKms,
  passwordMatches,
  rotateDomain,
  uuidText,
} from '@sealift/crypto';
import type { RequestPart, Strength } from '@sealift/wire';
import type { Context } from '../context.ts';
import type { Statement } from '../db/database.ts';
import { addEpoch, epochsOf, forgetHash, newestEpoch, type PasswordEpoch } from '../db/password-epochs.ts';
import { addPassword, keepNoHash, moveToEpoch, type Password, passwordByName, passwordNamed } from '../db/passwords.ts';
import { fail } from '../failures.ts';
import { carriesWraps, descriptorsWith, withoutWraps } from './rewrap.ts';
import { estimateStrength, refuseWeak } from './strength.ts';
import { hashContext } from './wrapping.ts';

/** A password as it was made or changed, and how hard it is to guess. */
export interface SetPassword {
  made: Password;
  strength: Strength;
}

export async function makePassword(
  context: Context,
  id: string,
  body: RequestPart<'createPassword', 'body'>,
): Promise<SetPassword> {
  const { db, log } = context;
  const { name, description, password, keep = 'hash', acceptWeak = false } = body;
  if ((await passwordByName(db, name)) !== undefined) throw fail('name-taken', `There is a password ${name} already.`);
  const strength = await estimateStrength(password, [name, 'sealift']);
  refuseWeak(strength, acceptWeak);
  const epoch = await epochOf(context, id, keep, await createDomain(password));
  const { domainId, createdAt } = epoch;
  const described = description === undefined ? {} : { description };
  const made: Password = { id, name, keep, domainId, epoch: epoch.epoch, createdAt, ...described };
  if ((await db.batch([addPassword(made), addEpoch(epoch)])) !== undefined) {
    throw fail('name-taken', `There is a password ${name} already.`);
  }
  log.info({ password: name, domain: domainId, keep }, 'encryption password made');
  return { made, strength };
}

/**
 * Another password in its place: in the same domain, linked to those before it, or after a compromise in a new domain
 * to which nothing leads.
 */
export async function changePassword(
  context: Context,
  password: Password,
  body: RequestPart<'rotatePassword', 'body'>,
): Promise<SetPassword> {
  const { db, log } = context;
  const { compromised = false, acceptWeak = false } = body;
  const strength = await estimateStrength(body.password, [password.name, 'sealift']);
  refuseWeak(strength, acceptWeak);
  const secret = compromised ? await createDomain(body.password) : await nextSecret(context, password, body);
  const epoch = await epochOf(context, password.id, password.keep, secret);
  const moved = { domainId: epoch.domainId, epoch: epoch.epoch, at: epoch.createdAt };
  if ((await db.batch([moveToEpoch(password, moved), addEpoch(epoch)])) !== undefined) {
    throw fail('password-changed', `The password ${password.name} was changed by somebody else meanwhile.`);
  }
  log.info({ password: password.name, domain: epoch.domainId, epoch: epoch.epoch, compromised }, 'password changed');
  return { made: await passwordNamed(db, password.id), strength };
}

/**
 * Erases everything of it from which a hash could be had here, wraps of a key management service too. Its jobs and
 * restores ask for it from then on.
 */
export async function forgetPassword(context: Context, password: Password): Promise<void> {
  const { db, log } = context;
  const forgotten: Statement[] = [];
  for (const epoch of await epochsOf(db, password.id)) {
    forgotten.push(forgetHash(epoch, await bareDescriptor(context, epoch)));
  }
  await db.batch([...forgotten, keepNoHash(password.id)]);
  await db.purge();
  log.info({ password: password.name }, 'hashes of the password forgotten');
}

/** A row of an earlier version has its wraps in its only descriptor: to take them out, its hash is needed once more. */
async function bareDescriptor({ wrapping }: Context, epoch: PasswordEpoch): Promise<Buffer> {
  const { descriptor, wrappedHash } = epoch;
  if (!carriesWraps(descriptor)) return descriptor;
  const passwordHash =
    wrappedHash === undefined
      ? await openWithKms(descriptor, wrapping.all)
      : await wrapping.unwrap(wrappedHash, hashContext(epoch));
  if (passwordHash === undefined) {
    throw fail('kms-key-unknown', 'The descriptor of the password carries the wrap of a service that is not set up.');
  }
  try {
    return withoutWraps(descriptor, passwordHash);
  } finally {
    passwordHash.fill(0);
  }
}

async function nextSecret(
  context: Context,
  { name, domainId }: Password,
  { password, current }: RequestPart<'rotatePassword', 'body'>,
): Promise<DomainSecret> {
  const present = await newestEpoch(context.db, domainId);
  if (present === undefined) throw fail('not-found', `The password ${name} has no epoch.`);
  const passwordHash = await presentHash(context, name, present, current);
  try {
    return await rotateDomain(passwordHash, present.descriptor, password);
  } finally {
    passwordHash.fill(0);
  }
}

async function presentHash(
  { wrapping }: Context,
  name: string,
  present: PasswordEpoch,
  current: string | undefined,
): Promise<Buffer> {
  if (current !== undefined) {
    const passwordHash = await passwordMatches(current, present.descriptor);
    if (passwordHash === undefined) throw fail('wrong-password', `This is not the present password ${name}.`);
    return passwordHash;
  }
  if (present.wrappedHash !== undefined) return await wrapping.unwrap(present.wrappedHash, hashContext(present));
  throw fail('password-needed', `No hash of the password ${name} is kept, so the present one must be given as well.`);
}

/** Erases the hash that it is given. */
async function epochOf(
  { wrapping }: Context,
  passwordId: string,
  keep: Password['keep'],
  { passwordHash, descriptor }: DomainSecret,
): Promise<PasswordEpoch> {
  try {
    const described = describeDomain(descriptor);
    const names = { domainId: uuidText(described.domainId), epoch: described.epoch };
    const epoch = { passwordId, ...names, descriptor, createdAt: Date.now() };
    if (keep === 'never') return epoch;
    const wrappedHash = await wrapping.wrap(passwordHash, hashContext(names));
    return { ...epoch, wrappedHash, ...descriptorsWith(wrapping, descriptor, passwordHash, wrappedHash) };
  } finally {
    passwordHash.fill(0);
  }
}
