import type { ProgressMeter } from '../progress.ts';
import { asBuffer } from '../threads/channel.ts';
import { ThreadPool } from '../threads/pool.ts';
import type { Walked } from './plan-work.ts';
import { unpackItems, type WalkedItem, type WalkerMethods, type WalkOrder } from './walk-messages.ts';

/** Walks the sources in a thread of its own, one batch of entries ahead. Warnings and times go to `meter`. */
export async function* walkSources(order: WalkOrder, meter: ProgressMeter): AsyncGenerator<Walked, void, undefined> {
  await using walker = new ThreadPool<WalkerMethods, Record<string, never>>(
    new URL('./walk-worker.ts', import.meta.url),
    1,
    { ...order, clock: meter.clock.memory },
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
      if ('note' in item) meter.note(item.note);
      else if ('warning' in item) {
        meter.warn(item.warning);
        yield* lacking(item);
      } else {
        yield item;
      }
    }
    items = await ahead;
  }
}

/** What the next run must know of an entry that is not there. */
function* lacking({ missing, unlisted }: Extract<WalkedItem, { warning: unknown }>): Generator<Walked> {
  if (missing !== undefined) yield { missing };
  if (unlisted) yield { unlisted };
}
