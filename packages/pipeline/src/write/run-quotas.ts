import type { Ticket } from '@sealift/crypto';
import { fail } from '../failures.ts';

/** Runs whose use is remembered; beyond it the one that was heard of longest ago is forgotten. */
const MOST_RUNS = 100_000;

/** How much each run has sent, over all its connections: a ticket opens one of them, but its quota is for the run. */
export class RunQuotas {
  readonly #used = new Map<string, number>();

  /** @throws Failure `quota-exceeded` when the run would store more than its ticket allows */
  take({ runId, byteQuota }: Ticket, bytes: number): void {
    if (byteQuota === undefined) return;
    const used = (this.#used.get(runId) ?? 0) + bytes;
    this.#used.delete(runId);
    if (used > byteQuota) {
      this.#used.set(runId, byteQuota);
      throw fail('quota-exceeded', `The run ${runId} may store ${byteQuota} bytes, and has sent more.`);
    }
    this.#used.set(runId, used);
    const [oldest] = this.#used.keys();
    if (this.#used.size > MOST_RUNS && oldest !== undefined) this.#used.delete(oldest);
  }
}
