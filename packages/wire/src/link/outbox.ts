import type { Failure } from '@sealift/core';
import { SEND_HIGH_WATER } from './limits.ts';

interface Waiting {
  send: () => void;
  reject: (failure: Failure) => void;
}

/**
 * First-in first-out turns to write to a socket: a turn comes when at most 8 MiB are unsent, and when the one before is
 * over. What is to be sent is made at its turn, in one step with writing it, so that the order of sealing is the order on
 * the wire.
 */
export class Outbox {
  readonly #unsent: () => number;
  readonly #waiting: Waiting[] = [];
  #failure: Failure | undefined;
  #taken = false;

  constructor(unsent: () => number) {
    this.#unsent = unsent;
  }

  /** Resolves once its turn has come and `send`, if it takes time, is done. */
  turn(send: () => Promise<void> | undefined): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const take = () => {
      try {
        const sending = send();
        if (sending === undefined) resolve();
        else this.#hold(sending).then(resolve, reject);
      } catch (thrown) {
        reject(thrown);
      }
    };
    if (this.#failure !== undefined) reject(this.#failure);
    else if (this.#waiting.length === 0 && this.#open) take();
    else this.#waiting.push({ send: take, reject });
    return promise;
  }

  /** To be called whenever the socket has written something. */
  drained(): void {
    while (this.#open) {
      const next = this.#waiting.shift();
      if (next === undefined) return;
      next.send();
    }
  }

  fail(failure: Failure): void {
    this.#failure ??= failure;
    for (const waiting of this.#waiting.splice(0)) waiting.reject(this.#failure);
  }

  async #hold(sending: Promise<void>): Promise<void> {
    this.#taken = true;
    try {
      await sending;
    } finally {
      this.#taken = false;
      this.drained();
    }
  }

  get #open(): boolean {
    return !this.#taken && this.#unsent() <= SEND_HIGH_WATER;
  }
}
