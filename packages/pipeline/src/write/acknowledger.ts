import { fail } from '../failures.ts';

/**
 * Chunks are stored side by side but acknowledged in order: sequence n is told only when everything up to n is durable.
 * Acknowledgements that fall due together are told as one.
 */
export class Acknowledger {
  readonly #tell: (sequence: number) => Promise<void>;
  readonly #onFailure: (thrown: unknown) => void;
  readonly #durable = new Set<number>();
  readonly #running = new Set<Promise<void>>();
  #received = 0;
  #acknowledged = 0;
  #told = 0;
  #bytes = 0;
  #telling: Promise<void> = Promise.resolve();
  #failure: { thrown: unknown } | undefined;

  /** @param onFailure told the first failure, which ends all acknowledging */
  constructor(tell: (sequence: number) => Promise<void>, onFailure: (thrown: unknown) => void) {
    this.#tell = tell;
    this.#onFailure = onFailure;
  }

  /** Bytes of chunks received and not yet durable. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Starts storing a chunk. Sequences count from 1 without gaps. */
  track(sequence: number, bytes: number, store: () => Promise<void>): void {
    if (sequence !== this.#received + 1) {
      throw fail('protocol-violation', `Chunk ${sequence} came after chunk ${this.#received}.`);
    }
    this.#received = sequence;
    this.#bytes += bytes;
    const running = this.#run(sequence, bytes, store).finally(() => this.#running.delete(running));
    this.#running.add(running);
  }

  /** Resolves when every chunk received is durable and acknowledged. */
  async settled(): Promise<void> {
    await Promise.all(this.#running);
    await this.#telling;
    if (this.#failure !== undefined) throw this.#failure.thrown;
  }

  async #run(sequence: number, bytes: number, store: () => Promise<void>): Promise<void> {
    try {
      await store();
      this.#durable.add(sequence);
      this.#advance();
    } catch (thrown) {
      this.#fail(thrown);
    } finally {
      this.#bytes -= bytes;
    }
  }

  #advance(): void {
    const before = this.#acknowledged;
    while (this.#durable.delete(this.#acknowledged + 1)) this.#acknowledged++;
    if (this.#acknowledged > before) this.#telling = this.#telling.then(() => this.#tellLatest());
  }

  async #tellLatest(): Promise<void> {
    if (this.#told === this.#acknowledged || this.#failure !== undefined) return;
    this.#told = this.#acknowledged;
    try {
      await this.#tell(this.#told);
    } catch (thrown) {
      this.#fail(thrown);
    }
  }

  #fail(thrown: unknown): void {
    if (this.#failure !== undefined) return;
    this.#failure = { thrown };
    this.#onFailure(thrown);
  }
}
