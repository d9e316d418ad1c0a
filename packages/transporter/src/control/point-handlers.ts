import type { Repository } from '@sealift/repository';
import { type ControlHandlers, MAX_POINTS_PAGE, type Params, type Result, type StoredPoint } from '@sealift/wire';
import type { Repositories } from '../sessions/repositories.ts';

const MAX_PROBLEMS = 20;
const LONGEST_MESSAGE = 4096;

type Record = Awaited<ReturnType<Repository['points']>>[number];

/** What a target does for the Director with recovery points. What is locked or held the repository refuses by itself. */
export function pointHandlers(repositories: Repositories): ControlHandlers {
  return {
    'point.list': (params) => listPoints(repositories.demand(params.repositoryId), params),
    'point.remove': async ({ repositoryId, pointId, reason }) => {
      await repositories.demand(repositoryId).removePoint(pointId, { reason });
      return {};
    },
    'point.lock': async ({ repositoryId, pointId, until }) =>
      stored(await repositories.demand(repositoryId).lockPoint(pointId, until)),
    'point.hold': async ({ repositoryId, pointId, reason }) =>
      stored(await repositories.demand(repositoryId).holdPoint(pointId, reason)),
    'point.release': async ({ repositoryId, pointId }) =>
      stored(await repositories.demand(repositoryId).releasePoint(pointId)),
    'repository.lengthen-lock': async ({ repositoryId, period }) => {
      const repository = repositories.demand(repositoryId);
      await repository.lengthenLeastLock(period);
      return { period: repository.leastLock };
    },
  };
}

async function listPoints(
  repository: Repository,
  { jobId, after = '' }: Params<'point.list'>,
): Promise<Result<'point.list'>> {
  const rest = (await repository.points())
    .filter((point) => point.id > after && (jobId === undefined || point.jobId === jobId))
    .sort((a, b) => (a.id < b.id ? -1 : 1));
  const points = rest.slice(0, MAX_POINTS_PAGE).map(stored);
  const last = points.at(-1);
  // Asked first: this may find that the clock has jumped.
  const now = repository.now();
  const problems = repository.problems.slice(-MAX_PROBLEMS).map((problem) => {
    return { ...problem.toJSON(), message: problem.message.slice(0, LONGEST_MESSAGE) };
  });
  return {
    points,
    now,
    leastLock: repository.leastLock,
    problems,
    ...(rest.length > points.length && last !== undefined ? { next: last.id } : {}),
  };
}

function stored({ id, jobId, hash, receivedAt, lockedUntil, hold }: Record): StoredPoint {
  return {
    id,
    jobId,
    hash,
    receivedAt,
    ...(lockedUntil === undefined ? {} : { lockedUntil }),
    ...(hold === undefined ? {} : { hold: { reason: hold.reason, since: hold.since } }),
  };
}
