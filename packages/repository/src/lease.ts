import { setTimeout as sleep } from 'node:timers/promises';
import { Failure } from '@sealift/core';
import { fail } from './failures.ts';
import { fenceName, LEASES_FOLDER, leaseName, parseLeaseName, UPKEEP_FOLDER } from './layout.ts';
import type { Store } from './store/store.ts';

/** A holder that gives no sign of life for so long has lost its lease, ms. */
export const LEASE_DURATION = 60_000;
const HEARTBEAT = 10_000;
/** Rounds of stepping back when two take the lease at the same instant. */
const ATTEMPTS = 5;
/** A fence keeps off a program that was stopped in the middle of a step; none is for longer than this, ms. */
const FENCE_KEPT = 24 * 3_600_000;

export interface LeaseMark {
  name: string;
  generation: number;
  holder: string;
  /** Made by somebody else, so that this holder's lower generations count no more. */
  fence: boolean;
}

/** What a lease is for. */
export interface LeaseTerms {
  folder: string;
  /** Each Transporter holds one of its own, beside the others. */
  shared: boolean;
  refused(location: string, holder: string, lapses: string): Failure;
  lost(location: string): Failure;
}

/** The right to serve a repository: of one Transporter, or of several where the store lets them write side by side. */
export function servingTerms(store: Store): LeaseTerms {
  return {
    folder: LEASES_FOLDER,
    shared: store.manyWriters,
    refused: (location, holder, lapses) => {
      const until = `its lease lapses at ${lapses} unless renewed`;
      return fail('repository-in-use', `The repository ${location} is served by Transporter ${holder}; ${until}.`);
    },
    lost: (location) => fail('lease-lost', `Another program has taken over the repository ${location}.`),
  };
}

/** The right to take packs away: of one collection, repair or rotation of the master key in all Transporters. */
export const UPKEEP_TERMS: LeaseTerms = {
  folder: UPKEEP_FOLDER,
  shared: false,
  refused: (location, holder, lapses) => {
    const what = `A collection, a repair or a rotation of the master key of ${location}`;
    return fail('collection-running', `${what} runs at Transporter ${holder}, at least until ${lapses}.`);
  },
  lost: (location) => fail('upkeep-lost', `Another Transporter has taken over the upkeep of ${location}.`),
};

/**
 * A right that programs tell each other of in the repository. It is an empty file whose name carries a generation and
 * the holder, and whose time is the last sign of life: neither taking nor keeping it needs space on a full disk.
 *
 * Whoever takes it creates a higher generation and looks again: if another's mark of the same or a higher generation is
 * there, it steps back. So of two at most one stays. A holder that sees a higher generation, or misses its own mark,
 * has lost the lease and writes no more. Of a shared lease only marks in the name of the same holder count.
 */
export class Lease implements AsyncDisposable {
  readonly holder: string;
  readonly #store: Store;
  readonly #terms: LeaseTerms;
  readonly #mark: LeaseMark;
  readonly #heart: NodeJS.Timeout;
  #lost = false;
  #renewedAt = Date.now();

  private constructor(store: Store, terms: LeaseTerms, mark: LeaseMark) {
    this.#store = store;
    this.#terms = terms;
    this.#mark = mark;
    this.holder = mark.holder;
    this.#heart = setInterval(() => void this.#beat(), HEARTBEAT);
    this.#heart.unref();
  }

  /** The same holder takes over from itself at once; a living other holder is named in the refusal. */
  static async take(store: Store, holder: string, terms: LeaseTerms): Promise<Lease> {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const known = await marksOf(store, terms);
      if (!terms.shared) await refuseLivingHolder(store, known, { holder, terms });
      const generation = Math.max(0, ...known.map((mark) => mark.generation)) + 1;
      const mine = { name: leaseName(terms.folder, generation, holder), generation, holder, fence: false };
      if (await claim(store, mine, terms)) {
        const replaced = known.filter((mark) => !terms.shared || mark.holder === holder);
        await Promise.all(replaced.map((mark) => store.remove(mark.name)));
        return new Lease(store, terms, mine);
      }
      await sleep(20 + Math.random() * 200);
    }
    throw fail('repository-in-use', `Several programs are opening ${store.location} at the same time.`);
  }

  /** For each acknowledgement: no round trip, but no later than a lease lasts after the last sign of life. */
  assertHeld(): void {
    if (this.#lost) throw this.#terms.lost(this.#store.location);
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
    if (this.#lost) throw this.#terms.lost(this.#store.location);
  }

  /** Others who hold a shared lease too, lapsed ones included. */
  async peers(): Promise<LeaseMark[]> {
    const marks = await marksOf(this.#store, this.#terms);
    return marks.filter((mark) => {
      const later = marks.some(({ holder, generation }) => holder === mark.holder && generation > mark.generation);
      return mark.holder !== this.holder && !mark.fence && !later;
    });
  }

  /** Nobody else has left any mark, and so nobody is in the middle of anything. */
  async isAlone(): Promise<boolean> {
    return (await marksOf(this.#store, this.#terms)).every(({ holder }) => holder === this.holder);
  }

  /** False if it went by itself or gave a sign of life; else its holder can do nothing more under it. */
  async fenceIfLapsed(peer: LeaseMark): Promise<boolean> {
    const age = await this.#store.markAge(peer.name);
    if (age === undefined || age < LEASE_DURATION) return false;
    const fence = fenceName(this.#terms.folder, peer.generation + 1, peer.holder);
    await this.#store.mark(fence).catch((thrown) => {
      if (!(thrown instanceof Failure) || thrown.code !== 'file-exists') throw thrown;
    });
    await this.#store.remove(peer.name);
    return true;
  }

  /** Fences that have done their work. */
  async removeOldFences(): Promise<void> {
    for (const { name, fence } of await marksOf(this.#store, this.#terms)) {
      if (fence && ((await this.#store.markAge(name)) ?? 0) > FENCE_KEPT) await this.#store.remove(name);
    }
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
    const others = await marksOf(this.#store, this.#terms);
    const above = others.filter((mark) => mark.generation > this.#mark.generation);
    this.#lost ||= !there || above.some((mark) => !this.#terms.shared || mark.holder === this.holder);
    this.#renewedAt = asked;
  }
}

async function marksOf(store: Store, { folder }: LeaseTerms): Promise<LeaseMark[]> {
  const names = await store.list(folder);
  return names.flatMap((name) => {
    const parsed = parseLeaseName(name);
    return parsed === undefined ? [] : [{ name, ...parsed }];
  });
}

async function refuseLivingHolder(
  store: Store,
  marks: LeaseMark[],
  { holder, terms }: { holder: string; terms: LeaseTerms },
): Promise<void> {
  for (const mark of marks) {
    if (mark.holder === holder) continue;
    const age = await store.markAge(mark.name);
    if (age === undefined || age >= LEASE_DURATION) continue;
    const lapses = new Date(Date.now() - age + LEASE_DURATION).toISOString();
    throw terms.refused(store.location, mark.holder, lapses);
  }
}

async function claim(store: Store, mine: LeaseMark, terms: LeaseTerms): Promise<boolean> {
  await store.mark(mine.name);
  if (terms.shared) return true;
  const rivals = (await marksOf(store, terms)).filter((mark) => mark.name !== mine.name);
  if (!rivals.some((mark) => mark.generation >= mine.generation)) return true;
  await store.remove(mine.name);
  return false;
}
