import { MAX_SHOWN_POINTS, type ShownPoint } from '@sealift/wire';
import { fail } from '../failures.ts';
import type { Session } from '../inventory/connections.ts';

/** How long a target may take for one page, ms. */
const PATIENCE = 60_000;
/** About 300 MiB here: what a target says must not cost more. */
const MOST_POINTS = 1_000_000;

/** The points that a target shows of a repository, a page at a time, ordered by id. */
export async function* shownPoints(
  { peer }: Session,
  repositoryId: string,
  signal: AbortSignal,
): AsyncGenerator<ShownPoint[], void, undefined> {
  let after: string | undefined;
  let count = 0;
  do {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(PATIENCE)]);
    const asked = { repositoryId, limit: MAX_SHOWN_POINTS, ...(after === undefined ? {} : { after }) };
    const { points, next } = await peer.call('repository.points', asked, limit);
    refuseDisorder(points, after);
    count += points.length;
    if (count > MOST_POINTS) throw fail('point-inconsistent', `A target shows more than ${MOST_POINTS} points.`);
    yield points;
    // Each page ends behind the one before, or a target could keep this going for ever.
    if (next !== undefined && next !== points.at(-1)?.id) throw disorder();
    after = next;
  } while (after !== undefined);
}

function refuseDisorder(points: ShownPoint[], after = ''): void {
  let last = after;
  for (const { id } of points) {
    if (id <= last) throw disorder();
    last = id;
  }
}

function disorder() {
  return fail('point-inconsistent', 'A target shows the points of a repository out of order, or twice.');
}
