import { describeDomain, passwordMatches } from '@sealift/crypto';
import type { Context } from '../context.ts';
import { descriptorByHash, descriptorsOpening } from '../db/descriptors.ts';
import { jobById } from '../db/jobs.ts';
import { newestEpoch } from '../db/password-epochs.ts';
import { passwordById } from '../db/passwords.ts';
import { type Point, pointById } from '../db/points.ts';
import { isUpkeepRun, type Run } from '../db/run.ts';
import { fail } from '../failures.ts';
import type { GivenHash } from './given-hashes.ts';

/** Takes the password that a run waits for; its hash is kept in memory until the run ends. */
export async function giveForRun(context: Context, run: Run, password: string): Promise<void> {
  if (run.finishedAt !== undefined) throw fail('run-ended', `The run ${run.id} has ended as ${run.state}.`);
  const descriptors = await descriptorsOf(context, run);
  context.given.giveForRun(run.id, await matching(descriptors, password, `the run ${run.id}`));
  context.wakeDispatcher();
}

/** Takes a password for looking into a point. */
export async function giveForPoint(context: Context, point: Point, password: string): Promise<void> {
  const descriptors = await descriptorsOfPoint(context, point);
  context.given.giveForPoint(point.id, await matching(descriptors, password, `the recovery point ${point.id}`));
}

async function descriptorsOf(context: Context, run: Run): Promise<Buffer[]> {
  if (isUpkeepRun(run)) return [];
  if (run.restore !== undefined)
    return await descriptorsOfPoint(context, await pointById(context.db, run.restore.pointId));
  const job = await jobById(context.db, run.job.id);
  const password = job?.password === undefined ? undefined : await passwordById(context.db, job.password.id);
  const epoch = password === undefined ? undefined : await newestEpoch(context.db, password.domainId);
  return epoch === undefined ? [] : [epoch.descriptor];
}

/** Passwords that are tried, each about a second and 256 MiB: what a target tells must not cost more. */
const MOST_TRIES = 8;

/** That of the point itself, where it was adopted, and those of its domain that came later and open it too. */
async function descriptorsOfPoint({ db }: Context, { domain, descriptorHash }: Point): Promise<Buffer[]> {
  if (domain === undefined) return [];
  const own = descriptorHash === undefined ? undefined : await descriptorByHash(db, descriptorHash);
  const later = await descriptorsOpening(db, domain.id, domain.epoch);
  const bySalt = new Map<string, Buffer>();
  for (const descriptor of own === undefined ? later : [own, ...later]) {
    const salt = describeDomain(descriptor).salt.toString('hex');
    if (!bySalt.has(salt)) bySalt.set(salt, descriptor);
  }
  return [...bySalt.values()].slice(0, MOST_TRIES);
}

async function matching(descriptors: Buffer[], password: string, what: string): Promise<GivenHash> {
  if (descriptors.length === 0) throw fail('password-mismatch', `No encryption password is asked for by ${what}.`);
  for (const descriptor of descriptors) {
    const passwordHash = await passwordMatches(password, descriptor);
    if (passwordHash !== undefined) return { passwordHash, descriptor };
  }
  throw fail('wrong-password', `This is not the encryption password of ${what}.`);
}
