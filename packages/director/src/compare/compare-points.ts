import type { ShownPoint } from '@sealift/wire';
import { shownPoints } from '../adopt/shown-points.ts';
import type { Context } from '../context.ts';
import type { Database } from '../db/database.ts';
import { type RecordedPoint, recordedAmong, recordedPoints } from '../db/recorded-points.ts';
import type { Repository } from '../db/repositories.ts';
import { unendedOrFailed } from '../db/runs.ts';
import type { Session } from '../inventory/connections.ts';
import { outOfChain } from './out-of-chain.ts';

const PAGE = 1000;

export type NamedPoint = Pick<RecordedPoint, 'id' | 'jobId' | 'sequence'>;

/** How the points that a target shows differ from those that were recorded. */
export interface Differences {
  shown: number;
  recorded: number;
  missing: NamedPoint[];
  replaced: NamedPoint[];
  unknown: NamedPoint[];
  outOfChain: NamedPoint[];
}

/**
 * Reads what is recorded before what is shown, so that a point which is made meanwhile is no missing one. One pass over
 * each list: time and memory grow with the number of points and no faster.
 */
export async function comparePoints(
  { db }: Pick<Context, 'db'>,
  session: Session,
  repository: Pick<Repository, 'id'>,
  signal: AbortSignal,
): Promise<Differences> {
  const recorded = await allRecorded(db, repository.id);
  const lost = new Map(recorded);
  const shown: ShownPoint[] = [];
  const replaced: ShownPoint[] = [];
  const strangers: ShownPoint[] = [];
  for await (const page of shownPoints(session, repository.id, signal)) {
    for (const point of page) {
      const known = recorded.get(point.id);
      lost.delete(point.id);
      shown.push(point);
      if (known === undefined) strangers.push(point);
      else if (!known.hash.equals(point.hash)) replaced.push(point);
    }
  }
  return {
    shown: shown.length,
    recorded: recorded.size,
    missing: [...lost.values()],
    replaced,
    unknown: await neverRecorded(db, strangers),
    outOfChain: outOfChain(shown),
  };
}

async function allRecorded(db: Database, repositoryId: string): Promise<Map<string, RecordedPoint>> {
  const all = new Map<string, RecordedPoint>();
  for (let after = ''; ; ) {
    const page = await recordedPoints(db, repositoryId, { after, limit: PAGE });
    for (const point of page) all.set(point.id, point);
    if (page.length < PAGE) return all;
    after = page.at(-1)?.id ?? '';
  }
}

/**
 * Those that were removed and are back are unknown again. Without those that were recorded meanwhile, and those of runs that have not reported a point yet: their sources tell of
 * them when they are connected again.
 */
async function neverRecorded(db: Database, strangers: ShownPoint[]): Promise<ShownPoint[]> {
  const unknown: ShownPoint[] = [];
  for (let at = 0; at < strangers.length; at += PAGE) {
    const some = strangers.slice(at, at + PAGE);
    const ids = some.map(({ id }) => id);
    const [recorded, awaited] = await Promise.all([recordedAmong(db, ids), unendedOrFailed(db, ids)]);
    unknown.push(...some.filter(({ id }) => recorded.get(id)?.removed !== false && !awaited.has(id)));
  }
  return unknown;
}
