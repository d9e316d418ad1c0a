import { toFailure } from '@sealift/core';
import {
  POINTS_FOLDER,
  parseSparePointName,
  pointIdOf,
  pointName,
  SPARE_POINTS_FOLDER,
  sparePointName,
} from './layout.ts';
import { readPointCopy } from './point-file.ts';
import type { Store } from './store/store.ts';

/**
 * Ids of points without a second copy: those of earlier versions, and those after which a crash or a full disk came in
 * between.
 */
export async function pointsWithoutSpare(store: Store): Promise<string[]> {
  const spare = new Set((await store.list(SPARE_POINTS_FOLDER)).map(parseSparePointName));
  const points = (await store.list(POINTS_FOLDER)).map(pointIdOf);
  return points.filter((id) => id !== undefined).filter((id) => !spare.has(id));
}

/** Writes the second copy of a stored point that is whole, unless it has one. */
export async function keepSparePoint(store: Store, id: string): Promise<void> {
  const { file } = await readPointCopy(store, pointName(id), id);
  try {
    await store.publish(sparePointName(id), file);
  } catch (thrown) {
    if (toFailure(thrown).code !== 'file-exists') throw thrown;
  }
}
