import { toFailure } from '@sealift/core';
import { describeDomain } from '@sealift/crypto';
import type { Context } from '../context.ts';
import { kmsDescriptorsOpening } from '../db/descriptors.ts';
import { jobById } from '../db/jobs.ts';
import { newestEpoch, type PasswordEpoch } from '../db/password-epochs.ts';
import { passwordById } from '../db/passwords.ts';
import { pointById } from '../db/points.ts';
import { isUpkeepRun, type JobRun, type Run } from '../db/run.ts';
import { givenHash } from '../keys/given-hashes.ts';

interface Domain {
  id: string;
  /** Whose runs are to be opened. */
  epoch: number;
}

/** Why the keys of a source-side run cannot be had now; undefined when they can, or when it needs none. */
export async function missingKey(context: Context, run: Run): Promise<string | undefined> {
  if (isUpkeepRun(run)) return undefined;
  const domain = await domainOf(context, run);
  if (domain === undefined) return undefined;
  const newest = run.restore === undefined ? (await newestEpoch(context.db, domain.id))?.epoch : undefined;
  if (givenHash(context.given, [run.id], { domainId: domain.id, newest }) !== undefined) return undefined;
  if (!(await opensWithoutPassword(context, domain))) {
    return `its encryption password must be given: sealift run password ${run.id}`;
  }
  const away = await serviceAway(context);
  return away && `${away}; or give its password: sealift run password ${run.id}`;
}

/** Whether a hash is kept in a way that could be opened here, or was wrapped by a key management service set up here. */
export async function opensWithoutPassword(context: Context, { id, epoch }: Domain): Promise<boolean> {
  const newest = await newestEpoch(context.db, id);
  if (newest !== undefined && newest.epoch >= epoch && isKept(context, newest)) return true;
  const descriptors = await kmsDescriptorsOpening(context.db, id, epoch);
  return descriptors.some((descriptor) => hasKmsWrap(context, descriptor));
}

function isKept({ wrapping }: Context, { wrappedHash }: PasswordEpoch): boolean {
  return wrappedHash !== undefined && wrapping.knows(wrappedHash);
}

async function domainOf({ db }: Context, run: JobRun): Promise<Domain | undefined> {
  if (run.restore !== undefined) return (await pointById(db, run.restore.pointId)).domain;
  const job = await jobById(db, run.job.id);
  const password = job?.password === undefined ? undefined : await passwordById(db, job.password.id);
  return password === undefined ? undefined : { id: password.domainId, epoch: password.epoch };
}

/** Whether a key management service that is set up here has wrapped the hash, too. */
function hasKmsWrap({ wrapping }: Context, descriptor: Buffer): boolean {
  const wraps = describeDomain(descriptor).kmsWraps;
  return wraps.some((wrap) => wrapping.all.some((one) => one.provider === wrap.provider && one.keyRef === wrap.keyRef));
}

async function serviceAway({ wrapping, log }: Context): Promise<string | undefined> {
  if (wrapping.failure === undefined) return undefined;
  await wrapping.probe();
  const { failure } = wrapping;
  if (failure === undefined) return undefined;
  log.debug({ failure: toFailure(failure) }, 'the key management service is still away');
  return `the key management service ${wrapping.current.provider} does not answer: ${failure.message}`;
}
