import { type Failure, toFailure } from '@sealift/core';
import { fail } from './failures.ts';
import { LONGEST_POINT, openManifest } from './format/recovery-point.ts';
import { pointName, sparePointName } from './layout.ts';
import { type MetadataCache, type Tail, throughCache } from './metadata-cache.ts';
import type { Store } from './store/store.ts';

export interface PointFile {
  file: Buffer;
  opened: ReturnType<typeof openManifest>;
  /** What is wrong with the first copy, if this is the second. */
  damage?: Failure;
}

/** The stored file of a point, its checksum and signature checked; from its second copy where the first is damaged. */
export async function readPointFile(store: Store, id: string, cache?: MetadataCache): Promise<PointFile> {
  try {
    return await readPointCopy(store, pointName(id), id, cache);
  } catch (thrown) {
    const damage = toFailure(thrown);
    if (damage.kind !== 'corrupt') throw damage;
    try {
      return { ...(await readPointCopy(store, sparePointName(id), id)), damage };
    } catch (again) {
      throw toFailure(again).kind === 'corrupt' ? damage : again;
    }
  }
}

/** One copy of it. @throws Failure `point-damaged`, `file-missing` */
export async function readPointCopy(
  store: Store,
  name: string,
  id: string,
  cache?: MetadataCache,
): Promise<Pick<PointFile, 'file' | 'opened'>> {
  return await throughCache(
    cache,
    name,
    () => store.readTail(name, LONGEST_POINT),
    (tail) => openPointFile(store, name, id, tail),
  );
}

function openPointFile(store: Store, name: string, id: string, { tail, length }: Tail) {
  try {
    if (length > LONGEST_POINT) throw fail('format-damaged', `A recovery point file has ${length} bytes.`);
    const opened = openManifest(tail);
    if (opened.manifest.pointId !== id) throw fail('format-damaged', `It holds point ${opened.manifest.pointId}.`);
    return { file: tail, opened };
  } catch (thrown) {
    const cause = toFailure(thrown);
    if (cause.code === 'repository-too-new') throw cause;
    const what = name === pointName(id) ? 'Recovery point' : 'The second copy of recovery point';
    throw fail('point-damaged', `${what} ${id} in ${store.location} is damaged: ${cause.message}`, { cause });
  }
}
