import { type CopySpec, MAX_COPIED, type RequestPart } from '@sealift/wire';
import type { Context } from '../context.ts';
import type { CopyRule } from '../db/copy-rules.ts';
import { jobNamed } from '../db/jobs.ts';
import { copiesOf, pointsToCopy } from '../db/point-copies.ts';
import { type Point, presentPoint } from '../db/points.ts';
import { type Repository, repositoryNamed } from '../db/repositories.ts';
import type { CopyFor } from '../db/run.ts';
import { fail } from '../failures.ts';
import { wantedPoints } from './wanted-points.ts';

/** A copy as it is queued. */
export interface CopyOrder {
  spec: CopySpec;
  copyFor: CopyFor;
}

/** What a request to copy stands for now: the points that never were in the other repository, oldest first. */
export async function copyOrder(
  context: Context,
  from: Repository,
  { to, job, point }: RequestPart<'startCopy', 'body'>,
): Promise<CopyOrder> {
  const { db } = context;
  const { id: repositoryId } = await repositoryNamed(db, to);
  if (repositoryId === from.id) throw fail('request-invalid', 'A repository cannot be copied to itself.');
  if (job !== undefined && point !== undefined) throw fail('request-invalid', 'Give a job or a point, not both.');
  if (point !== undefined) {
    return { spec: { repositoryId, points: [await onePoint(db, from, point)] }, copyFor: {} };
  }
  const jobId = job === undefined ? undefined : await sourceSideJob(db, job);
  const points = await pointsToCopy(db, { from: from.id, to: repositoryId, jobId });
  return { spec: specOf(repositoryId, points), copyFor: jobId === undefined ? {} : { jobId } };
}

/** What a standing copy would bring over now. */
export async function copyOrderOf(context: Context, rule: CopyRule): Promise<CopyOrder> {
  const { id, name } = rule;
  return { spec: specOf(rule.to.id, await wantedPoints(context, rule)), copyFor: { rule: { id, name } } };
}

export function specOf(repositoryId: string, points: Point[]): CopySpec {
  return { repositoryId, points: points.slice(0, MAX_COPIED).map(({ id }) => id) };
}

async function onePoint(db: Context['db'], from: Repository, id: string): Promise<string> {
  const { repository, mode } = await presentPoint(db, id);
  const holds = repository.id === from.id || (await copiesOf(db, id)).some((copy) => copy.repository.id === from.id);
  if (!holds) throw fail('not-found', `The recovery point ${id} is not in ${from.name}.`);
  if (mode !== 'source-side') throw inFlight(`The recovery point ${id}`);
  return id;
}

async function sourceSideJob(db: Context['db'], reference: string): Promise<string> {
  const { id, name, encryption } = await jobNamed(db, reference);
  if (encryption !== 'source-side') throw inFlight(`The job ${name}`);
  return id;
}

function inFlight(what: string) {
  return fail('copy-needs-source-side', `${what} is of in-flight mode: copy needs source-side points.`);
}
