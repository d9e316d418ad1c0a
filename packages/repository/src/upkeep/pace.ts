import { setTimeout as sleep } from 'node:timers/promises';

/** Holds reading back to so many bytes a second; without a limit it only looks for an end. */
export class Pace {
  readonly #bytesPerSecond: number | undefined;
  /** When the bytes so far may have been read, ms on the steady clock. */
  #free = 0;

  constructor(bytesPerSecond: number | undefined) {
    this.#bytesPerSecond = bytesPerSecond;
  }

  /** To be called before so many bytes are read. */
  async take(bytes: number, signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted();
    if (this.#bytesPerSecond === undefined) return;
    const now = performance.now();
    const wait = this.#free - now;
    this.#free = Math.max(this.#free, now) + (bytes * 1000) / this.#bytesPerSecond;
    if (wait > 1) await sleep(wait, undefined, signal === undefined ? {} : { signal });
  }
}
