import type { BandwidthLimit } from '../control/bandwidth.ts';
import { parseBandwidth, type RateAt } from './calendar.ts';
import { Pacer } from './pacer.ts';

/** How long a rate of the calendar is good for, ms: it is asked for every few KiB. */
const LOOKED_UP_FOR = 1000;

/** What limits apply to a link: both its ends, and the job that it works for. Ids are UUIDs. */
export interface LinkEnds {
  own: string;
  peer: string;
  job: string;
}

interface Limited {
  rateAt: RateAt | undefined;
  pacer: Pacer;
}

/**
 * The bandwidth limits that the Director has told, and how much of each is used: all links that one applies to share it.
 * A change counts from the next slice on.
 */
export class BandwidthLimits {
  readonly #limited = new Map<string, Limited>();

  /** From now on these, and no others. */
  replace({ timeZone, limits }: { timeZone: string; limits: BandwidthLimit[] }): void {
    const told = new Map(limits.map(({ of, id, bandwidth }) => [`${of} ${id}`, parseBandwidth(bandwidth, timeZone)]));
    for (const [key, limited] of this.#limited) limited.rateAt = told.get(key);
    for (const [key, rateAt] of told) {
      // One that is in use goes on with what it has let through.
      if (!this.#limited.has(key)) this.#limited.set(key, limitedBy(rateAt));
    }
  }

  /** Those that what is sent on a link has to wait for now; mostly none. */
  pacersFor({ own, peer, job }: LinkEnds): Pacer[] {
    if (this.#limited.size === 0) return [];
    return [`transporter ${own}`, `transporter ${peer}`, `job ${job}`].flatMap((key) => {
      const pacer = this.#limited.get(key)?.pacer;
      return pacer?.slice === undefined ? [] : [pacer];
    });
  }
}

function limitedBy(first: RateAt): Limited {
  let [rate, until]: [number | undefined, number] = [undefined, 0];
  let by: RateAt | undefined;
  const limited: Limited = {
    rateAt: first,
    pacer: new Pacer(() => {
      const now = Date.now();
      if (now >= until || by !== limited.rateAt) {
        [rate, until] = [limited.rateAt?.(now), now + LOOKED_UP_FOR];
        by = limited.rateAt;
      }
      return rate;
    }),
  };
  return limited;
}
