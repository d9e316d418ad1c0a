import { setTimeout as sleep } from 'node:timers/promises';

/** Bytes that were not used are good for this long, s: what timers are late by, and no burst to speak of. */
const SAVED_SECONDS = 0.02;
/** A changed rate is noticed within this time by those who wait, ms. */
const LONGEST_WAIT = 200;
/** What goes out at once: so many parts of a second, within these bytes. */
const SLICES_A_SECOND = 20;
const LEAST_SLICE = 4 * 1024;
const LARGEST_SLICE = 64 * 1024;

/** What a pacer goes by; another clock for tests. */
export interface PacerClock {
  /** Milliseconds, from anywhere. */
  now(): number;
  sleep(milliseconds: number): Promise<unknown>;
}

const MONOTONIC: PacerClock = { now: () => performance.now(), sleep: (milliseconds) => sleep(milliseconds) };

/**
 * A token bucket: in any time `t` at most `rate * (t + 20 ms)` bytes and one slice are let through. Who waits is served in
 * order, so that links which send slices in turn share the rate evenly.
 */
export class Pacer {
  readonly #rate: () => number | undefined;
  readonly #clock: PacerClock;
  #tokens = 0;
  #filledAt: number;
  #turn: Promise<void> = Promise.resolve();

  /** @param rate bytes a second now, undefined for no limit; asked again for every slice */
  constructor(rate: () => number | undefined, clock = MONOTONIC) {
    this.#rate = rate;
    this.#clock = clock;
    this.#filledAt = clock.now();
  }

  /** Most bytes to take at once; undefined while there is no limit. */
  get slice(): number | undefined {
    const rate = this.#rate();
    if (rate === undefined) return undefined;
    return Math.min(LARGEST_SLICE, Math.max(LEAST_SLICE, Math.floor(rate / SLICES_A_SECOND)));
  }

  /** Resolves when so many bytes may go out. */
  take(bytes: number): Promise<void> {
    this.#turn = this.#turn.then(() => this.#admit(bytes));
    return this.#turn;
  }

  async #admit(bytes: number): Promise<void> {
    for (let rate = this.#fill(); rate !== undefined && this.#tokens <= 0; rate = this.#fill()) {
      await this.#clock.sleep(Math.min(LONGEST_WAIT, Math.ceil((-this.#tokens * 1000) / rate) + 1));
    }
    this.#tokens -= bytes;
  }

  #fill(): number | undefined {
    const rate = this.#rate();
    const now = this.#clock.now();
    // What went out while there was no limit is not made up for under the next one.
    if (rate === undefined) this.#tokens = 0;
    else this.#tokens = Math.min(rate * SAVED_SECONDS, this.#tokens + (rate * (now - this.#filledAt)) / 1000);
    this.#filledAt = now;
    return rate;
  }
}
