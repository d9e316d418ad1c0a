interface Waiter {
  bytes: number;
  grant: () => void;
}

/**
 * A budget in bytes shared by producers: `take` waits until the bytes fit, `give` returns them.
 * First come, first served, so a large request is never starved by small ones.
 * A request larger than the whole budget is granted when nothing else is out, so it cannot wait forever.
 */
export class ByteCredit {
  readonly limit: number;
  #out = 0;
  readonly #waiters: Waiter[] = [];

  constructor(limit: number) {
    this.limit = limit;
  }

  /** Bytes now taken and not given back. */
  get out(): number {
    return this.#out;
  }

  async take(bytes: number, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    if (this.#waiters.length === 0 && this.#fits(bytes)) {
      this.#out += bytes;
      return;
    }
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const waiter: Waiter = { bytes, grant: resolve };
    const onAbort = () => {
      const at = this.#waiters.indexOf(waiter);
      if (at < 0) return;
      this.#waiters.splice(at, 1);
      reject(signal?.reason);
      this.#grantWaiters();
    };
    this.#waiters.push(waiter);
    signal?.addEventListener('abort', onAbort, { once: true });
    try {
      await promise;
    } finally {
      signal?.removeEventListener('abort', onAbort);
    }
  }

  give(bytes: number): void {
    this.#out -= bytes;
    this.#grantWaiters();
  }

  #fits(bytes: number): boolean {
    return this.#out === 0 || this.#out + bytes <= this.limit;
  }

  #grantWaiters(): void {
    for (let next = this.#waiters[0]; next !== undefined && this.#fits(next.bytes); next = this.#waiters[0]) {
      this.#waiters.shift();
      this.#out += next.bytes;
      next.grant();
    }
  }
}
