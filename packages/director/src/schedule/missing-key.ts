import { toFailure } from '@sealift/core';
import { describeDomain } from '@sealift/crypto';
import type { Context } from '../context.ts';
import { jobById } from '../db/jobs.ts';
import { newestEpoch, type PasswordEpoch } from '../db/password-epochs.ts';
import { passwordById } from '../db/passwords.ts';
import { pointById } from '../db/points.ts';
import { isUpkeepRun, type JobRun, type Run } from '../db/run.ts';
import { givenHash } from '../keys/given-hashes.ts';

/** Why the keys of a source-side run cannot be had now; undefined when they can, or when it needs none. */
export async function missingKey(context: Context, run: Run): Promise<string | undefined> {
  if (isUpkeepRun(run)) return undefined;
  const domainId = await domainOf(context, run);
  if (domainId === undefined) return undefined;
  const epoch = await newestEpoch(context.db, domainId);
  const newest = run.restore === undefined ? epoch?.epoch : undefined;
  if (givenHash(context.given, [run.id], { domainId, newest }) !== undefined) return undefined;
  if (epoch === undefined || !isKept(context, epoch)) {
    return `its encryption password must be given: sealift run password ${run.id}`;
  }
  const away = await serviceAway(context);
  return away && `${away}; or give its password: sealift run password ${run.id}`;
}

/** Whether the hash is kept in a way that could be opened here. */
function isKept(context: Context, { wrappedHash, kmsDescriptor, descriptor }: PasswordEpoch): boolean {
  if (wrappedHash !== undefined && context.wrapping.knows(wrappedHash)) return true;
  return hasKmsWrap(context, kmsDescriptor ?? descriptor);
}

async function domainOf({ db }: Context, run: JobRun): Promise<string | undefined> {
  if (run.restore !== undefined) return (await pointById(db, run.restore.pointId)).domain?.id;
  const job = await jobById(db, run.job.id);
  const password = job?.password === undefined ? undefined : await passwordById(db, job.password.id);
  return password?.domainId;
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
