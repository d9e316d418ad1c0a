/**
 * A first-in first-out queue between a producer and one consumer, bounded by weight (bytes or items).
 * `push` resolves once the item is accepted; iteration ends after `end()` or throws what `fail()` was given.
 */
export class BoundedQueue<T> implements AsyncIterable<T> {
  readonly #limit: number;
  readonly #weigh: (item: T) => number;
  readonly #items: T[] = [];
  #weight = 0;
  #ended = false;
  #error: unknown;
  #failed = false;
  #wakeConsumer: (() => void) | undefined;
  #wakeProducers: (() => void)[] = [];

  constructor(limit: number, weigh: (item: T) => number = () => 1) {
    this.#limit = limit;
    this.#weigh = weigh;
  }

  get weight(): number {
    return this.#weight;
  }

  async push(item: T): Promise<void> {
    while (!this.#closed && this.#weight > 0 && this.#weight + this.#weigh(item) > this.#limit) {
      await new Promise<void>((resolve) => this.#wakeProducers.push(resolve));
    }
    if (this.#failed) throw this.#error;
    if (this.#ended) throw new Error('push after the end of the queue');
    this.#items.push(item);
    this.#weight += this.#weigh(item);
    this.#wakeConsumer?.();
  }

  end(): void {
    this.#ended = true;
    this.#wakeAll();
  }

  fail(error: unknown): void {
    if (this.#closed) return;
    this.#failed = true;
    this.#error = error;
    this.#wakeAll();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, undefined> {
    for (;;) {
      if (this.#failed) throw this.#error;
      const item = this.#items.shift();
      if (item !== undefined) {
        this.#weight -= this.#weigh(item);
        this.#releaseProducers();
        yield item;
      } else if (this.#ended) {
        return;
      } else {
        await new Promise<void>((resolve) => {
          this.#wakeConsumer = resolve;
        });
        this.#wakeConsumer = undefined;
      }
    }
  }

  get #closed(): boolean {
    return this.#ended || this.#failed;
  }

  #wakeAll(): void {
    this.#wakeConsumer?.();
    this.#releaseProducers();
  }

  #releaseProducers(): void {
    const waiting = this.#wakeProducers;
    this.#wakeProducers = [];
    for (const wake of waiting) wake();
  }
}
