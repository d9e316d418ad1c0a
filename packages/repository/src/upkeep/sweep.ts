import { toFailure } from '@sealift/core';
import type { Collection } from './collection.ts';
import { footerOf, restStandsElsewhere } from './copies.ts';
import { forEachChunk } from './marks.ts';

/**
 * Deletes packs nobody needs. First their chunks are forgotten, each unless it came into use since the marks were made:
 * from then on a backup that asks for one is told that it is missing, and sends it. Only then the files go.
 */
export async function sweepDead(collection: Collection, dead: number[], signal: AbortSignal): Promise<void> {
  const { table, marks, report, onProgress } = collection;
  const doomed = new Set(dead);
  await forEachChunk(
    table,
    (index, entry) => {
      const pack = index.packOf(entry);
      if (!doomed.has(pack)) return;
      if (marks.mustStay(index, entry)) doomed.delete(pack);
      else index.forget(entry);
    },
    signal,
  );
  let done = 0;
  for (const pack of doomed) {
    signal.throwIfAborted();
    if (await deletePack(collection, pack, signal)) report.packsDead++;
    onProgress({ phase: 'sweep', done: ++done, total: doomed.size });
  }
}

/** A pack of which the index says nothing any more. Returns false if it has to stay after all. */
export async function deletePack(collection: Collection, number: number, signal: AbortSignal): Promise<boolean> {
  const { store, table, report, confirmLease, onStored } = collection;
  const pack = table.pack(number);
  const footer = await footerOf(collection, number);
  if (footer === undefined) return false;
  const index = table.indexOf(pack.zone);
  if (index !== undefined && !(await restStandsElsewhere(collection, number, footer.entries, index, signal)))
    return false;
  await confirmLease();
  pack.retired = true;
  try {
    await store.remove(pack.name);
  } catch (thrown) {
    pack.retired = false;
    // The store keeps it for a locked recovery point; a collection after the end of the lock finds it dead again.
    if (toFailure(thrown).code === 'object-locked') return false;
    throw thrown;
  }
  report.bytesFreed += pack.length;
  onStored(-pack.length);
  return true;
}
