import { fail } from '../failures.ts';
import { type CollectHost, collect } from './collect.ts';
import type { CollectOptions, CollectReport } from './collection.ts';

/** Runs one collection or repair of a repository at a time. Disposing ends the one that runs, and waits for its end. */
export class Collector implements AsyncDisposable {
  readonly #stop = new AbortController();
  #running: Promise<unknown> | undefined;

  run(host: CollectHost, options: CollectOptions, signal: AbortSignal): Promise<CollectReport> {
    return this.alone(host.store.location, (either) => collect(host, options, either), signal);
  }

  /** For whatever takes packs away. */
  async alone<T>(location: string, work: (signal: AbortSignal) => Promise<T>, signal?: AbortSignal): Promise<T> {
    if (this.#running !== undefined)
      throw fail('collection-running', `A collection or repair of ${location} is running.`);
    const running = work(signal === undefined ? this.#stop.signal : AbortSignal.any([signal, this.#stop.signal]));
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
}
