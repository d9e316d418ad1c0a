import { toFailure } from '@sealift/core';
import { describeDomain } from '@sealift/crypto';
import type { DrillResource } from '@sealift/wire';
import type { Context } from '../context.ts';
import { kmsDescriptorsOpening } from '../db/descriptors.ts';
import { addDrill, type Drill } from '../db/drills.ts';
import type { Job } from '../db/jobs.ts';
import { newestEpoch } from '../db/password-epochs.ts';
import { listPoints, type Point } from '../db/points.ts';
import { repositoryById, repositoryNamed } from '../db/repositories.ts';
import { raiseAlarm } from '../events/alarms.ts';
import { fail } from '../failures.ts';
import type { Session } from '../inventory/connections.ts';
import { giveForPoint } from '../keys/give-password.ts';
import { proveSlots, slotWays } from '../keys/unlock-repository.ts';
import { lookFields } from '../tasks/looks.ts';

/** Files of which a piece is really decrypted. */
const FILES = 16;
const PATIENCE = 5 * 60_000;

type Way = DrillResource['way'];

/**
 * Proves for the newest recovery point of a job that each configured way to its keys opens it, by decrypting a sample at
 * the source Transporter that `reader` chooses. What fails is an alarm; a Transporter that is away is not, for nothing was tried.
 */
export async function drillJob(
  context: Context,
  job: Job,
  { password, reader }: { password?: string | undefined; reader: (context: Context, point: Point) => Session },
): Promise<Drill[]> {
  const [point] = (await listPoints(context.db, { limit: 1 }, job.id)).items;
  if (point === undefined) throw fail('not-found', `The job ${job.name} has no recovery point yet.`);
  const session = reader(context, point);
  context.connections.required(await targetOf(context, point));
  const drillBy = point.domain === undefined ? drillRepository : drillDomain;
  const drills = await drillBy(context, session, point, password);
  for (const one of drills) await record(context, job, one);
  return drills;
}

async function drillDomain(
  context: Context,
  session: Session,
  point: Point,
  password: string | undefined,
): Promise<Drill[]> {
  if (password !== undefined) await giveForPoint(context, point, password);
  const drills: Drill[] = [];
  try {
    for (const way of await waysTo(context, point)) drills.push(await drill(context, session, point, way));
  } finally {
    if (password !== undefined) context.given.forget(point.id);
  }
  return drills;
}

/** In-flight points open with their repository: where that is encrypted at rest, by each way to one of its slots. */
async function drillRepository(
  context: Context,
  session: Session,
  point: Point,
  password: string | undefined,
): Promise<Drill[]> {
  const target = context.connections.required(await targetOf(context, point));
  const repository = await repositoryNamed(context.db, point.repository.id);
  const ways = [...(await slotWays(context, repository.id)), ...(password === undefined ? [] : ['password' as const])];
  const drills: Drill[] = [await drill(context, session, point, 'repository')];
  for (const way of ways) {
    const proof = () => proveSlots(context, target, repository, { way, password });
    drills.push(await drill(context, session, point, way, proof));
  }
  return drills;
}

async function targetOf({ db }: Context, point: Point): Promise<{ id: string; name: string }> {
  const repository = await repositoryById(db, point.repository.id);
  return { id: repository?.transporterId ?? '', name: repository?.transporterName ?? point.repository.name };
}

/** The ways that are set up for it. */
async function waysTo({ db, wrapping, given }: Context, { id, domain }: Point): Promise<Way[]> {
  if (domain === undefined) return [];
  const epoch = await newestEpoch(db, domain.id);
  const descriptors = await kmsDescriptorsOpening(db, domain.id, domain.epoch);
  const wraps = descriptors.flatMap((descriptor) => describeDomain(descriptor).kmsWraps);
  const known = wraps.some((wrap) => wrapping.all.some((one) => one.provider === wrap.provider));
  const ways: [Way, boolean][] = [
    ['hash', epoch?.wrappedHash !== undefined && epoch.epoch >= domain.epoch],
    ['kms', known],
    ['password', given.of(id) !== undefined],
  ];
  const open = ways.filter(([, isOpen]) => isOpen).map(([way]) => way);
  if (open.length > 0) return open;
  throw fail('password-needed', `No way to the keys of recovery point ${id} is kept here.`);
}

/** `proof` comes first: what must succeed before the sample is decrypted. */
async function drill(
  context: Context,
  { peer, transporter }: Session,
  point: Point,
  way: Way,
  proof: () => Promise<void> = async () => {},
): Promise<Drill> {
  const { id: pointId, hash, domain } = point;
  const wayToKeys = domain === undefined || way === 'repository' ? undefined : way;
  using task = context.browsing.begin(transporter.id, point, 'sample', wayToKeys);
  const base = { pointId, way, at: Date.now() };
  try {
    await proof();
    const asked = { ...lookFields(task), hash, files: FILES };
    const { files, bytes } = await peer.call('point.sample', asked, AbortSignal.timeout(PATIENCE));
    return { ...base, passed: true, files, bytes };
  } catch (thrown) {
    return { ...base, passed: false, files: 0, bytes: 0, failure: toFailure(thrown).toJSON() };
  }
}

async function record(context: Context, job: Job, drill: Drill): Promise<void> {
  await addDrill(context.db, job.id, drill);
  const { pointId, way, passed, files, failure } = drill;
  context.log.info({ job: job.name, point: pointId, way, passed, files }, 'key drill');
  if (passed) return;
  await raiseAlarm(context, {
    code: 'key-drill-failed',
    message: `The newest recovery point of ${job.name} does not open by ${way}: ${failure?.message}`,
    advice: failure?.advice ?? '',
    job: { id: job.id, name: job.name },
    point: pointId,
  });
}
