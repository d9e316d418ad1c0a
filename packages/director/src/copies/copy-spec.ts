import { type CopySpec, MAX_COPIED, type RequestPart } from '@sealift/wire';
import type { Context } from '../context.ts';
import type { CopyRule } from '../db/copy-rules.ts';
import { jobNamed } from '../db/jobs.ts';
import { copiesOf, pointsToCopy } from '../db/point-copies.ts';
import { type Point, presentPoint } from '../db/points.ts';
import { type Repository, repositoryNamed } from '../db/repositories.ts';
import type { CopyFor } from '../db/run.ts';
import { fail } from '../failures.ts';
import { refuseUnsealing } from './refuse-unsealing.ts';
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
  { to, job, point, unsealed }: RequestPart<'startCopy', 'body'>,
): Promise<CopyOrder> {
  const { db } = context;
  const other = await repositoryNamed(db, to);
  const { id: repositoryId } = other;
  if (repositoryId === from.id) throw fail('request-invalid', 'A repository cannot be copied to itself.');
  if (job !== undefined && point !== undefined) throw fail('request-invalid', 'Give a job or a point, not both.');
  const jobId = job === undefined ? undefined : (await jobNamed(db, job)).id;
  const points =
    point === undefined
      ? await pointsToCopy(db, { from: from.id, to: repositoryId, jobId })
      : [await onePoint(db, from, point)];
  const inFlight = points.some(({ mode }) => mode === 'in-flight');
  await refuseUnsealing(context, { from, to: other }, { inFlight, unsealed });
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

async function onePoint(db: Context['db'], from: Repository, id: string): Promise<Point> {
  const point = await presentPoint(db, id);
  const { repository } = point;
  const holds = repository.id === from.id || (await copiesOf(db, id)).some((copy) => copy.repository.id === from.id);
  if (!holds) throw fail('not-found', `The recovery point ${id} is not in ${from.name}.`);
  return point;
}
