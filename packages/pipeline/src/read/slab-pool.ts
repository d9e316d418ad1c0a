/** A fixed number of large buffers, used again and again: the memory that reading in one worker takes. */
export class SlabPool {
  readonly #free: Buffer[];
  readonly #waiting: ((slab: Buffer) => void)[] = [];

  constructor(count: number, bytes: number) {
    this.#free = Array.from({ length: count }, () => Buffer.allocUnsafeSlow(bytes));
  }

  acquire(): Promise<Buffer> {
    const slab = this.#free.pop();
    if (slab !== undefined) return Promise.resolve(slab);
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  release(slab: Buffer): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#free.push(slab);
    else next(slab);
  }
}
