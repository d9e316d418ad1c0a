import { parentPort, workerData } from 'node:worker_threads';
import { StageClock } from '@sealift/core';
import { excludeRules, walk } from '@sealift/workloads';
import { ownBuffer, ThreadChannel } from '../threads/channel.ts';
import { packItems, type WalkedItem, type WalkerMethods, type WalkRoot } from './walk-messages.ts';

/** Entries handed over at a time. */
const BATCH = 512;

const settings = workerData as { roots: WalkRoot[]; exclude: string[]; clock: SharedArrayBuffer };
const { roots, exclude } = settings;
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
  for (const { path, name } of roots) yield* walk(Buffer.from(path), { name: Buffer.from(name), exclude: rules });
}

function* take(count: number): Generator<WalkedItem> {
  for (let i = 0; i < count; i++) {
    const { value, done } = items.next();
    if (done) return;
    yield value;
  }
}
