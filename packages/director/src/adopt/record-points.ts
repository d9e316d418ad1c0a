import { type FailureRecord, failureFromRecord, toFailure } from '@sealift/core';
import { type DescribedPoint, MAX_DESCRIBED_POINTS, type PointReport, type ShownPoint } from '@sealift/wire';
import type { Context } from '../context.ts';
import type { Statement } from '../db/database.ts';
import { addDescriptor, descriptorHash } from '../db/descriptors.ts';
import { addAdoptedJob, jobById } from '../db/jobs.ts';
import { passwordOfDomain } from '../db/passwords.ts';
import { addPoint } from '../db/points.ts';
import { type RecordedPoint, recordedAmong } from '../db/recorded-points.ts';
import type { Repository } from '../db/repositories.ts';
import { fail } from '../failures.ts';
import type { Session } from '../inventory/connections.ts';
import { type Judgement, judgePoint, type Measure } from './judge-point.ts';

/** How long a target may take to read the files of a hundred points, ms. */
const PATIENCE = 60_000;

/** What came of the points that were looked at. */
export interface Tally {
  added: number;
  known: number;
  refused: number;
  /** The first hundred. */
  refusals: { point: string; code: string; message: string }[];
}

const MOST_REFUSALS = 100;

export interface Adopting {
  context: Context;
  session: Session;
  repository: Repository;
  measure: Measure;
  tally: Tally;
  /** Jobs that points were found to belong to. */
  jobs: Set<string>;
  signal: AbortSignal;
}

/** Records those of a page of points that are not recorded yet. A point that is known stays as it is. */
export async function recordPoints(adopting: Adopting, page: ShownPoint[]): Promise<void> {
  const { context, repository, tally } = adopting;
  const ids = page.map(({ id }) => id);
  const recorded = await recordedAmong(context.db, ids);
  const unknown: ShownPoint[] = [];
  for (const shown of page) {
    const known = recorded.get(shown.id);
    if (known === undefined) unknown.push(shown);
    else if (isSame(known, shown, repository)) tally.known += 1;
    else refuse(tally, shown.id, otherPoint(shown.id));
  }
  while (unknown.length > 0) {
    const asked = unknown.slice(0, MAX_DESCRIBED_POINTS);
    const reports = await describe(adopting, asked);
    await record(adopting, asked, reports);
    unknown.splice(0, reports.length);
  }
}

function isSame(known: RecordedPoint, shown: ShownPoint, repository: Repository): boolean {
  return known.repositoryId === repository.id && known.hash.equals(shown.hash);
}

function otherPoint(id: string) {
  return fail('point-inconsistent', `Another recovery point ${id} is recorded here.`);
}

async function describe({ session, repository, signal }: Adopting, asked: ShownPoint[]): Promise<PointReport[]> {
  const limit = AbortSignal.any([signal, AbortSignal.timeout(PATIENCE)]);
  const params = { repositoryId: repository.id, pointIds: asked.map(({ id }) => id) };
  const { points } = await session.peer.call('repository.describe', params, limit);
  const inOrder = points.every((report, at) => idOf(report) === asked[at]?.id);
  if (inOrder) return points;
  throw fail('point-inconsistent', `The target describes other points of ${repository.name} than it was asked for.`);
}

function idOf(report: PointReport): string {
  return 'failure' in report ? report.id : report.point.id;
}

/** What one answer described is written down together. */
async function record(adopting: Adopting, asked: ShownPoint[], reports: PointReport[]): Promise<void> {
  const { context, tally } = adopting;
  const statements: Statement[] = [];
  let added = 0;
  for (const [at, report] of reports.entries()) {
    const own = await statementsOf(adopting, asked[at] as ShownPoint, report);
    statements.push(...own);
    added += Number(own.length > 0);
  }
  await context.db.batch(statements);
  tally.added += added;
}

/** None for a point that is refused. */
async function statementsOf(adopting: Adopting, shown: ShownPoint, report: PointReport): Promise<Statement[]> {
  const { measure, tally } = adopting;
  try {
    if ('failure' in report) throw failureFromRecord(report.failure);
    const judgement = judgePoint(report.point, shown, measure);
    await standInFor(adopting, report.point);
    return await statementsFor(adopting, report.point, judgement);
  } catch (thrown) {
    const failure = toFailure(thrown);
    // What is wrong with the database or this program is not wrong with the point.
    if (!('failure' in report) && (failure.kind === 'retry' || failure.kind === 'bug')) throw failure;
    refuse(tally, shown.id, failure);
    return [];
  }
}

function refuse(tally: Tally, point: string, { code, message }: Pick<FailureRecord, 'code' | 'message'>): void {
  tally.refused += 1;
  if (tally.refusals.length < MOST_REFUSALS) tally.refusals.push({ point, code, message });
}

/** The job of the point, or what stands for it here. */
async function standInFor({ context, repository, jobs }: Adopting, point: DescribedPoint): Promise<void> {
  if (jobs.has(point.jobId)) return;
  const { db } = context;
  const { jobId: id, sourceId: adoptedSource, mode: encryption } = point;
  const stand = { id, transporterId: repository.transporterId, repositoryId: repository.id, encryption, adoptedSource };
  for (const name of [`adopted-${id.slice(0, 8)}`, `adopted-${id}`]) {
    const job = await jobById(db, id);
    if (job?.repositoryId === repository.id) {
      jobs.add(id);
      return;
    }
    if (job !== undefined) {
      throw fail('point-inconsistent', `Recovery point ${point.id} names the job ${job.name} of another repository.`);
    }
    await addAdoptedJob(db, { ...stand, name });
  }
  if ((await jobById(db, id)) !== undefined) jobs.add(id);
  else throw fail('name-taken', `There is another job adopted-${id}.`);
}

async function statementsFor(
  { context, repository }: Adopting,
  point: DescribedPoint,
  { authority, domain, zone }: Judgement,
): Promise<Statement[]> {
  const { descriptor, jobId, sourceId } = point;
  const password = domain === undefined ? undefined : await passwordOfDomain(context.db, domain.id);
  const owner = {
    jobId,
    repositoryId: repository.id,
    transporterId: sourceId,
    passwordId: password?.id,
    domain,
    zone,
    explanation: undefined,
    authority,
    ...(descriptor === undefined ? {} : { descriptorHash: descriptorHash(descriptor) }),
  };
  const adding = addPoint(point, owner);
  if (descriptor === undefined || domain === undefined) return [adding];
  return [addDescriptor(descriptor, { domainId: domain.id, epoch: domain.epoch }), adding];
}
