import { type CopySpec, MAX_COPIED, type RequestPart } from '@sealift/wire';
import type { Context } from '../context.ts';
import { jobNamed } from '../db/jobs.ts';
import { pointsToCopy } from '../db/point-copies.ts';
import { presentPoint } from '../db/points.ts';
import { type Repository, repositoryNamed } from '../db/repositories.ts';
import { fail } from '../failures.ts';

/** What a request to copy stands for now: the points that the other repository was not reported to hold, oldest first. */
export async function copySpec(
  { db }: Context,
  from: Repository,
  { to, job, point }: RequestPart<'startCopy', 'body'>,
): Promise<CopySpec> {
  const { id: repositoryId } = await repositoryNamed(db, to);
  if (repositoryId === from.id) throw fail('request-invalid', 'A repository cannot be copied to itself.');
  if (job !== undefined && point !== undefined) throw fail('request-invalid', 'Give a job or a point, not both.');
  if (point !== undefined) return { repositoryId, points: [await onePoint(db, from, point)] };
  const jobId = job === undefined ? undefined : await sourceSideJob(db, job);
  return {
    repositoryId,
    points: await pointsToCopy(db, { from: from.id, to: repositoryId, jobId, limit: MAX_COPIED }),
  };
}

async function onePoint(db: Context['db'], from: Repository, id: string): Promise<string> {
  const { repository, mode } = await presentPoint(db, id);
  if (repository.id !== from.id) throw fail('not-found', `The recovery point ${id} is not in ${from.name}.`);
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
