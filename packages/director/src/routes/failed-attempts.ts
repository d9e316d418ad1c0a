import { fail } from '../failures.ts';

const WINDOW = 60_000;
const MOST = 20;
/** Addresses remembered at once; beyond it the oldest are forgotten. */
const ADDRESSES = 10_000;

/** Counts failed logins and enrolments by address, and refuses more when there were too many within a minute. */
export class FailedAttempts {
  readonly #counts = new Map<string, { since: number; failures: number }>();

  refuseIfTooMany(address: string): void {
    const count = this.#counts.get(address);
    if (count !== undefined && count.failures >= MOST && Date.now() - count.since < WINDOW) {
      throw fail('too-many-attempts', `There were ${MOST} failed attempts from ${address} within a minute.`);
    }
  }

  record(address: string): void {
    const now = Date.now();
    const count = this.#counts.get(address);
    if (count !== undefined && now - count.since < WINDOW) {
      count.failures++;
      return;
    }
    this.#counts.delete(address);
    this.#counts.set(address, { since: now, failures: 1 });
    const [oldest] = this.#counts.keys();
    if (this.#counts.size > ADDRESSES && oldest !== undefined) this.#counts.delete(oldest);
  }
}
