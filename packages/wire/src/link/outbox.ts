import type { Failure } from '@sealift/core';
import { SEND_HIGH_WATER } from './limits.ts';

interface Waiting {
  send: () => void;
  reject: (failure: Failure) => void;
}

/**
 * First-in first-out turns to write to a socket: a turn comes when at most 8 MiB are unsent. What is to be sent is
 * made at its turn, in one step with writing it, so that the order of sealing is the order on the wire.
 */
export class Outbox {
  readonly #unsent: () => number;
  readonly #waiting: Waiting[] = [];
  #failure: Failure | undefined;

  constructor(unsent: () => number) {
    this.#unsent = unsent;
  }

  /** Resolves with what `send` returns, once its turn has come. */
  turn<T>(send: () => T): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const take = () => {
      try {
        resolve(send());
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

  get #open(): boolean {
    return this.#unsent() <= SEND_HIGH_WATER;
  }
}
