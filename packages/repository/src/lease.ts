import { setTimeout as sleep } from 'node:timers/promises';
import { fail } from './failures.ts';
import { LEASES_FOLDER, leaseName, parseLeaseName } from './layout.ts';
import type { Store } from './store/store.ts';

/** A holder that gives no sign of life for so long has lost the repository, ms. */
export const LEASE_DURATION = 60_000;
const HEARTBEAT = 10_000;
/** Rounds of stepping back when two take the lease at the same instant. */
const ATTEMPTS = 5;

interface LeaseMark {
  name: string;
  generation: number;
  holder: string;
}

/**
 * The right to write to a repository. It is an empty file whose name carries a generation and the holder, and whose
 * time is the last sign of life: neither taking nor keeping it needs space on a full disk.
 *
 * Whoever takes it creates a higher generation and looks again: if another's mark of the same or a higher generation is
 * there, it steps back. So of two at most one stays. A holder that sees a higher generation, or misses its own mark,
 * has lost the lease and writes no more.
 */
export class Lease implements AsyncDisposable {
  readonly #store: Store;
  readonly #mark: LeaseMark;
  readonly #heart: NodeJS.Timeout;
  #lost = false;
  #renewedAt = Date.now();

  private constructor(store: Store, mark: LeaseMark) {
    this.#store = store;
    this.#mark = mark;
    this.#heart = setInterval(() => void this.#beat(), HEARTBEAT);
    this.#heart.unref();
  }

  /** The same holder takes over from itself at once; a living other holder is named in the refusal. */
  static async take(store: Store, holder: string): Promise<Lease> {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const known = await marksOf(store);
      await refuseLivingHolder(store, known, holder);
      const generation = Math.max(0, ...known.map((mark) => mark.generation)) + 1;
      const mine = { name: leaseName(generation, holder), generation, holder };
      if (await claim(store, mine)) {
        await Promise.all(known.map((mark) => store.remove(mark.name)));
        return new Lease(store, mine);
      }
      await sleep(20 + Math.random() * 200);
    }
    throw fail('repository-in-use', `Several programs are opening ${store.location} at the same time.`);
  }

  /** For each acknowledgement: no round trip, but no later than a lease lasts after the last sign of life. */
  assertHeld(): void {
    if (this.#lost) throw this.#lostFailure();
    if (Date.now() - this.#renewedAt > LEASE_DURATION) {
      throw fail(
        'lease-lost',
        `The lease on ${this.#store.location} could not be renewed for ${LEASE_DURATION / 1000} s.`,
      );
    }
  }

  /** For the steps that matter: asks the store whether the lease still stands, and renews it. */
  async confirm(): Promise<void> {
    await this.#renew();
    if (this.#lost) throw this.#lostFailure();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#heart);
    await this.#store.remove(this.#mark.name);
  }

  async #beat(): Promise<void> {
    // A store that does not answer may answer at the next beat; `assertHeld` tells when it has been too long.
    await this.#renew().catch(() => {});
  }

  async #renew(): Promise<void> {
    const asked = Date.now();
    const there = await this.#store.renewMark(this.#mark.name);
    const others = await marksOf(this.#store);
    this.#lost ||= !there || others.some((mark) => mark.generation > this.#mark.generation);
    this.#renewedAt = asked;
  }

  #lostFailure() {
    return fail('lease-lost', `Another program has taken over the repository ${this.#store.location}.`);
  }
}

async function marksOf(store: Store): Promise<LeaseMark[]> {
  const names = await store.list(LEASES_FOLDER);
  return names.flatMap((name) => {
    const parsed = parseLeaseName(name);
    return parsed === undefined ? [] : [{ name, ...parsed }];
  });
}

async function refuseLivingHolder(store: Store, marks: LeaseMark[], holder: string): Promise<void> {
  for (const mark of marks) {
    if (mark.holder === holder) continue;
    const age = await store.markAge(mark.name);
    if (age === undefined || age >= LEASE_DURATION) continue;
    const lapses = new Date(Date.now() - age + LEASE_DURATION).toISOString();
    throw fail(
      'repository-in-use',
      `The repository ${store.location} is served by Transporter ${mark.holder}; its lease lapses at ${lapses} unless renewed.`,
    );
  }
}

async function claim(store: Store, mine: LeaseMark): Promise<boolean> {
  await store.mark(mine.name);
  const rivals = (await marksOf(store)).filter((mark) => mark.name !== mine.name);
  if (!rivals.some((mark) => mark.generation >= mine.generation)) return true;
  await store.remove(mine.name);
  return false;
}
