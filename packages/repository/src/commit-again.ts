import { createHash } from 'node:crypto';
import { toFailure } from '@sealift/core';
import type { Manifest } from './format/manifest-body.ts';
import { pointName, sparePointName } from './layout.ts';
import { readPointFile } from './point-file.ts';
import { namedReferences } from './point-runs.ts';
import type { PointRecord } from './points.ts';
import { type ReferenceCollector, SpilledReferences } from './references.ts';
import { putInPlace } from './store/put-in-place.ts';
import type { Store } from './store/store.ts';

/**
 * Puts a recovery point where none is, or one of which no copy can be read any more, then its second copy; what keeps that
 * from being written is made good by the next collection. @throws Failure `file-exists`
 */
export async function publishPoint(store: Store, id: string, file: Buffer): Promise<void> {
  try {
    await store.publish(pointName(id), file);
  } catch (thrown) {
    if (toFailure(thrown).code !== 'file-exists' || (await isReadable(store, id))) throw thrown;
    await putInPlace(store, pointName(id), file);
  }
  await store.publish(sparePointName(id), file).catch(() => {});
}

/** A point that is committed again brings its reference list: it takes the place of one that is damaged or was rebuilt. */
export async function mendList(
  store: Store,
  { pointId, references }: Manifest,
  list: ReferenceCollector,
  { receivedAt }: PointRecord,
): Promise<void> {
  if (!(list instanceof SpilledReferences) || (await isNamed(store, pointId, references.hash))) return;
  const { count, hash, missingCount } = await list.finish();
  if (missingCount === 0 && count === references.count && hash.equals(references.hash)) await list.publish(receivedAt);
}

async function isReadable(store: Store, id: string): Promise<boolean> {
  return await holds(() => readPointFile(store, id));
}

async function isNamed(store: Store, pointId: string, hash: Buffer): Promise<boolean> {
  const digest = createHash('sha256');
  const whole = await holds(async () => {
    for await (const ids of namedReferences(store, pointId)) digest.update(ids);
  });
  return whole && digest.digest().equals(hash);
}

async function holds(read: () => Promise<unknown>): Promise<boolean> {
  try {
    await read();
    return true;
  } catch (thrown) {
    const failure = toFailure(thrown);
    if (failure.kind !== 'corrupt' && failure.code !== 'repository-too-new') throw failure;
    return false;
  }
}
