import { ByteCredit, orderedParallel } from '@sealift/core';
import type { TreeEntry } from '@sealift/repository';
import type { ProgressMeter } from '../progress.ts';
import { ownBuffer } from '../threads/channel.ts';
import { ThreadPool } from '../threads/pool.ts';
import type { PointSource } from '../transfer/point-source.ts';
import type { TreeReader } from '../tree/tree-reader.ts';
import { packEntries } from './entry-packing.ts';
import { FileRestorer } from './file-restorer.ts';
import { planRestore, type RestoreUnit } from './plan-restore.ts';
import type { RestorePool, RestoreWorkerData } from './restore-messages.ts';

/** Stored bytes fetched and not yet written. */
const FETCHED_LIMIT = 16 * 1024 * 1024;
const UNITS_UNDER_WAY = 4;

export interface RestoreTreeOptions {
  source: PointSource;
  tree: TreeReader;
  /** The entries to restore, in tree order, each folder before its contents. */
  entries: AsyncIterable<TreeEntry>;
  workerData: RestoreWorkerData;
  workers: number;
  meter: ProgressMeter;
}

/**
 * Writes entries below the destination: folders in order by one thread, files by all of them, and folders get their
 * metadata when everything in them is written. What cannot be restored is reported, and the rest goes on.
 */
export async function restoreTree(options: RestoreTreeOptions, signal: AbortSignal): Promise<void> {
  const { source, tree, workerData, workers, meter } = options;
  await using pool: RestorePool = new ThreadPool(new URL('./restore-worker.ts', import.meta.url), workers, workerData, {
    warn: async ({ path, code, message }) => {
      meter.warn({ path: Buffer.from(path), code, message });
      return { result: undefined };
    },
  });
  const owner = pool.member(0);
  const files = new FileRestorer(source, tree, pool, new ByteCredit(FETCHED_LIMIT), meter, signal);
  const withFolders = inOrder(planRestore(options.entries), async ({ directories }) => {
    if (directories.length > 0) await owner.call('makeDirectories', packEntries(directories));
  });
  const written = orderedParallel(withFolders, UNITS_UNDER_WAY, async (unit) => {
    await files.restore(unit);
    return unit;
  });
  for await (const { places, directories, lastPath } of written) {
    signal.throwIfAborted();
    await owner.call('settle', { places: packEntries(places), path: ownBuffer(Buffer.from(lastPath)) });
    meter.add('files', places.length + directories.length);
  }
  await owner.call('finishDirectories', undefined);
}

async function* inOrder(
  units: AsyncIterable<RestoreUnit>,
  before: (unit: RestoreUnit) => Promise<void>,
): AsyncGenerator<RestoreUnit, void, undefined> {
  for await (const unit of units) {
    await before(unit);
    yield unit;
  }
}
