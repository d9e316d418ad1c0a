import { fail } from '../failures.ts';
import { Lease, UPKEEP_TERMS } from '../lease.ts';
import type { Store } from '../store/store.ts';

/** What takes packs away while this program may: asks the store whether it still may, before each of them. */
type Work<T> = (signal: AbortSignal, confirm: () => Promise<void>) => Promise<T>;

/**
 * Runs one collection, repair or rotation of a repository at a time: in this program, and by lease in all of them.
 * Disposing ends the one that runs, and waits for its end.
 */
export class Collector implements AsyncDisposable {
  readonly #store: Store;
  readonly #stop = new AbortController();
  #running: Promise<unknown> | undefined;

  constructor(store: Store) {
    this.#store = store;
  }

  /** `serving` is the right to serve the repository; without it, as for a dry run, nothing may be taken away. */
  async alone<T>(serving: Lease | undefined, work: Work<T>, signal?: AbortSignal): Promise<T> {
    this.#stop.signal.throwIfAborted();
    const { location } = this.#store;
    if (this.#running !== undefined)
      throw fail('collection-running', `A collection or repair of ${location} is running.`);
    const either = signal === undefined ? this.#stop.signal : AbortSignal.any([signal, this.#stop.signal]);
    const running = serving === undefined ? work(either, async () => {}) : this.#underLease(serving, work, either);
    this.#running = running;
    try {
      return await running;
    } finally {
      this.#running = undefined;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(fail('repository-closed', 'The repository was closed during a collection or repair.'));
    await this.#running?.catch(() => {});
  }

  async #underLease<T>(serving: Lease, work: Work<T>, signal: AbortSignal): Promise<T> {
    const lease = await Lease.take(this.#store, serving.holder, UPKEEP_TERMS);
    try {
      return await work(signal, async () => {
        if (!this.#store.manyWriters) await serving.confirm();
        await lease.confirm();
      });
    } finally {
      // A mark that stays lapses by itself.
      await lease[Symbol.asyncDispose]().catch(() => {});
    }
  }
}
