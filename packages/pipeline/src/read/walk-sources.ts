import type { ProgressMeter } from '../progress.ts';
import { asBuffer } from '../threads/channel.ts';
import { ThreadPool } from '../threads/pool.ts';
import { type FoundEntry, unpackItems, type WalkerMethods, type WalkRoot } from './walk-messages.ts';

/** Walks the sources in a thread of its own, one batch of entries ahead. Warnings and times go to `meter`. */
export async function* walkSources(
  roots: WalkRoot[],
  exclude: string[],
  meter: ProgressMeter,
): AsyncGenerator<FoundEntry, void, undefined> {
  await using walker = new ThreadPool<WalkerMethods, Record<string, never>>(
    new URL('./walk-worker.ts', import.meta.url),
    1,
    { roots, exclude, clock: meter.clock.memory },
    {},
  );
  const next = async () => {
    const items = unpackItems(asBuffer(await walker.call('next', undefined)));
    // A thread takes some 15 MiB, and what it has found may keep the others busy for hours.
    if (items.length === 0) await walker[Symbol.asyncDispose]();
    return items;
  };
  for (let items = await next(); items.length > 0; ) {
    const ahead = next();
    // Whoever stops early does not come back for it.
    ahead.catch(() => {});
    for (const item of items) {
      if ('warning' in item) meter.warn(item.warning);
      else yield item.entry;
    }
    items = await ahead;
  }
}
