import { parentPort, workerData } from 'node:worker_threads';
import { StageClock } from '@sealift/core';
import { excludeRules, type SnapshotView, type WalkItem, walk } from '@sealift/workloads';
import { readPages } from '../cache/cache-file.ts';
import { KnownPages } from '../cache/known-pages.ts';
import { asBuffer, ownBuffer, ThreadChannel } from '../threads/channel.ts';
import { packItems, type WalkedItem, type WalkerMethods, type WalkOrder } from './walk-messages.ts';

/** Entries handed over at a time. */
const BATCH = 512;

/** Whole pages among them. */
const MOST_PAGES = 8;

const settings = workerData as WalkOrder & { clock: SharedArrayBuffer };
const { roots, exclude, boundaries, known: cache } = settings;
const clock = new StageClock(settings.clock);
const items = walkAll();

new ThreadChannel<Record<string, never>, WalkerMethods>(parentPort as NonNullable<typeof parentPort>, {
  next: async () => {
    const packed = clock.time('walk', () => ownBuffer(packItems([...take(BATCH)])));
    return { result: packed, transfer: [packed.buffer as ArrayBuffer] };
  },
});

function* walkAll(): Generator<WalkedItem> {
  const rules = excludeRules(exclude);
  const known = new KnownPages(cache === undefined ? [].values() : readPages(cache));
  const beside = cache === undefined ? {} : { known };
  for (const { path, name, view } of roots) {
    const held = view === undefined ? {} : { view: viewOf(view) };
    const items = walk(Buffer.from(path), {
      name: Buffer.from(name),
      exclude: rules,
      ...boundaries,
      ...beside,
      ...held,
    });
    for (const item of items) yield* withKept(item, known);
  }
  known.interrupt();
  yield* known.take();
}

/** Buffers have crossed a thread. */
function viewOf({ at, of, instant, mounts }: SnapshotView): SnapshotView {
  return { at: asBuffer(at), of: asBuffer(of), instant, mounts: mounts.map(asBuffer) };
}

/** Unchanged entries come as they are complete, before what comes behind them. */
function* withKept(item: WalkItem, known: KnownPages): Generator<WalkedItem> {
  const unchanged = 'unchanged' in item;
  if (!unchanged && !('note' in item)) known.interrupt();
  yield* known.take();
  if (!unchanged) yield item;
}

function* take(count: number): Generator<WalkedItem> {
  for (let i = 0, pages = 0; i < count && pages < MOST_PAGES; i++) {
    const { value, done } = items.next();
    if (done) return;
    if ('whole' in value || 'kept' in value) pages++;
    yield value;
  }
}
