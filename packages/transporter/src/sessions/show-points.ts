import type { Repository } from '@sealift/repository';
import type { Params, Result } from '@sealift/wire';

/** One page of the recovery points of a repository, ordered by id. */
export async function showPoints(
  repository: Repository,
  { after = '', limit }: Pick<Params<'repository.points'>, 'after' | 'limit'>,
): Promise<Result<'repository.points'>> {
  const following = (await repository.points()).filter(({ id }) => id > after);
  const page = following.sort((a, b) => (a.id < b.id ? -1 : 1)).slice(0, limit);
  const points = page.map(({ id, jobId, sequence, hash, previous }) => {
    return { id, jobId, sequence, hash, ...(previous === undefined ? {} : { previous }) };
  });
  const last = page.at(-1);
  return { points, ...(following.length > limit && last !== undefined ? { next: last.id } : {}) };
}
