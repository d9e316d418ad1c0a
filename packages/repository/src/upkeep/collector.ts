import { fail } from '../failures.ts';
import { type CollectHost, collect } from './collect.ts';
import type { CollectOptions, CollectReport } from './collection.ts';

/** Runs one collection of a repository at a time. Disposing ends the one that runs, and waits for its end. */
export class Collector implements AsyncDisposable {
  readonly #stop = new AbortController();
  #running: Promise<CollectReport> | undefined;

  async run(host: CollectHost, options: CollectOptions, signal: AbortSignal): Promise<CollectReport> {
    const { location } = host.store;
    if (this.#running !== undefined) throw fail('collection-running', `A collection of ${location} is running.`);
    this.#running = collect(host, options, AbortSignal.any([signal, this.#stop.signal]));
    try {
      return await this.#running;
    } finally {
      this.#running = undefined;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(fail('repository-closed', 'The repository was closed during the collection.'));
    await this.#running?.catch(() => {});
  }
}
