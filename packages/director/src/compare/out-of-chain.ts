import type { ShownPoint } from '@sealift/wire';

/**
 * Points that do not follow the one before them in their job's chain: a second one of the same number, or one that names
 * another predecessor than the point that has the number before. A predecessor that is not shown says nothing.
 */
export function outOfChain(shown: ShownPoint[]): ShownPoint[] {
  const byPlace = new Map<string, ShownPoint>();
  const flawed: ShownPoint[] = [];
  for (const point of shown) {
    const place = `${point.jobId} ${point.sequence}`;
    if (byPlace.has(place)) flawed.push(point);
    else byPlace.set(place, point);
  }
  for (const point of byPlace.values()) {
    const before = byPlace.get(`${point.jobId} ${point.sequence - 1}`);
    if (before !== undefined && point.previous?.equals(before.hash) !== true) flawed.push(point);
  }
  return flawed;
}
