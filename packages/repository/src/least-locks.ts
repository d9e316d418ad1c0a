import { type Failure, toFailure } from '@sealift/core';
import type { RepositoryClock } from './clock.ts';
import { fail } from './failures.ts';
import { decodeLeastLock, encodeLeastLock, LEAST_LOCK_LENGTH } from './format/least-lock.ts';
import { isLeastLockName, LEAST_LOCKS_FOLDER, leastLockName } from './layout.ts';
import { publishNumbered } from './store/publish-numbered.ts';
import type { Store } from './store/store.ts';

const DAY = 24 * 3_600_000;
/** Longest period that can be set for all new points, ms: ten years. It cannot be taken back. */
export const LONGEST_LEAST_LOCK = 3653 * DAY;

/**
 * For how long every new point of a repository is locked at least, whoever commits it. It is kept in the repository, so
 * that whoever sends commands can only lengthen it: the longest of all files counts, and none is ever removed.
 */
export class LeastLocks {
  readonly #store: Store;
  #period: number;
  #newestTime: number;
  #count: number;

  private constructor(store: Store, known: { period: number; newestTime: number; count: number }) {
    this.#store = store;
    this.#period = known.period;
    this.#newestTime = known.newestTime;
    this.#count = known.count;
  }

  static async load(store: Store, onProblem: (failure: Failure) => void): Promise<LeastLocks> {
    const names = (await store.list(LEAST_LOCKS_FOLDER)).filter(isLeastLockName);
    const known = { period: 0, newestTime: 0, count: names.length };
    for (const name of names) {
      const { period, recordedAt } = (await read(store, name, onProblem)) ?? { period: 0, recordedAt: 0 };
      known.period = Math.max(known.period, period);
      known.newestTime = Math.max(known.newestTime, recordedAt);
    }
    return new LeastLocks(store, known);
  }

  /** ms; 0: none. */
  get period(): number {
    return this.#period;
  }

  /** The latest time at which it was set, ms since 1970, or 0. */
  get newestTime(): number {
    return this.#newestTime;
  }

  /** Lengthens it for all points that are committed from now on. The same again changes nothing. */
  async lengthen(period: number, clock: RepositoryClock): Promise<void> {
    if (!Number.isSafeInteger(period) || period < 0 || period > LONGEST_LEAST_LOCK) {
      throw fail('lock-refused', `New recovery points cannot be locked for ${period} ms: ten years is the most.`);
    }
    if (period === this.#period) return;
    if (period < this.#period) {
      const stands = `${this.#period / DAY} days`;
      throw fail('lock-refused', `New recovery points in ${this.#store.location} are locked for ${stands}, not less.`, {
        advice: 'A period is only ever lengthened. Use another repository for recovery points that may go sooner.',
      });
    }
    const recordedAt = clock.now();
    await publishNumbered(this.#store, leastLockName, this.#count + 1, encodeLeastLock({ period, recordedAt }));
    this.#count++;
    this.#period = period;
    this.#newestTime = recordedAt;
  }
}

async function read(store: Store, name: string, onProblem: (failure: Failure) => void) {
  try {
    const { tail, length } = await store.readTail(name, LEAST_LOCK_LENGTH);
    if (length > LEAST_LOCK_LENGTH) throw fail('format-damaged', `A least lock has ${length} bytes.`);
    return decodeLeastLock(tail);
  } catch (thrown) {
    const cause = toFailure(thrown);
    if (cause.kind !== 'corrupt') throw cause;
    const message = `${name} in ${store.location}, which may lock new recovery points for longer, cannot be read.`;
    onProblem(fail('lock-damaged', message, { cause, advice: 'Set the period of the repository again.' }));
    return undefined;
  }
}
