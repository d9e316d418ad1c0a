import type { RepositoryClock } from './clock.ts';
import type { EpochMark, UseEpochs } from './index/use-epochs.ts';
import { parseSessionName, SESSIONS_FOLDER, sessionName } from './layout.ts';
import type { Store } from './store/store.ts';

/** How often the marks of open sessions are renewed, ms. */
const RENEWAL = 10 * 60_000;
/** A backup that was cut off may stay away for so long before a collection forgets it, ms. */
export const GRACE = 24 * 3_600_000;
/** A backup relies on what it was told for as long as it goes on by itself; a later attempt asks again. ms. */
const MEMORY_OF_ANSWERS = 3_600_000;

/** Of a backup that is running, or was cut off: what it was told and what it stored may not be collected. */
interface KnownSession {
  /** Parts of it that are open in this program. */
  open: number;
  /** When it began, ms since 1970. */
  since: number;
  /** Unknown when it began before this opening of the repository. */
  epoch: EpochMark | undefined;
  /** It went on in this program. */
  returned: boolean;
  /** Last sign of life, ms since 1970. */
  seenAt: number;
  /** Its mark in the store; one that gives no id is remembered only while it is open. */
  mark: string | undefined;
  /** Settles once the mark is there; rejects if it cannot be made. */
  recorded: Promise<void>;
}

export interface SessionHandle {
  /** What is stored may be acknowledged once this resolves. */
  readonly recorded: Promise<void>;
  end(): void;
}

/** What was used in this epoch or later, or stands in a pack made at this time or later, may not be collected. */
export interface Cutoff {
  epoch: number;
  /** ms since 1970. */
  time: number;
}

/**
 * The backups that rely on chunks no recovery point refers to yet. Each has a mark in the store, an empty file that names
 * its beginning and its point, so that after a crash the chunks of a backup that comes back are still there.
 */
export class Sessions implements Disposable {
  readonly #store: Store;
  readonly #clock: RepositoryClock;
  readonly #epochs: UseEpochs;
  readonly #known = new Map<string, KnownSession>();
  readonly #renewing: NodeJS.Timeout;

  private constructor(store: Store, clock: RepositoryClock, epochs: UseEpochs) {
    this.#store = store;
    this.#clock = clock;
    this.#epochs = epochs;
    this.#renewing = setInterval(() => void this.#renew(), RENEWAL);
    this.#renewing.unref();
  }

  /** `isCommitted` tells of which points a crash left the mark behind. */
  static async load(
    store: Store,
    clock: RepositoryClock,
    epochs: UseEpochs,
    isCommitted: (pointId: string) => boolean,
  ): Promise<Sessions> {
    const sessions = new Sessions(store, clock, epochs);
    for (const mark of await store.list(SESSIONS_FOLDER)) {
      const parsed = parseSessionName(mark);
      if (parsed === undefined) continue;
      if (isCommitted(parsed.pointId)) {
        await store.remove(mark);
        continue;
      }
      const seenAt = clock.now() - ((await store.markAge(mark)) ?? Number.POSITIVE_INFINITY);
      const earlier = { open: 0, since: parsed.since, epoch: undefined, seenAt, mark, recorded: Promise.resolve() };
      sessions.#known.set(parsed.pointId, { ...earlier, returned: false });
    }
    return sessions;
  }

  /** A part of the backup that makes this point is open until its handle is ended. */
  begin(pointId: string | undefined): SessionHandle {
    const key = pointId ?? crypto.randomUUID();
    const session = this.#known.get(key) ?? this.#add(key, pointId);
    session.open++;
    session.returned = true;
    let ended = false;
    const end = () => {
      if (ended) return;
      ended = true;
      session.open--;
      session.seenAt = this.#clock.now();
      if (session.open === 0 && session.mark === undefined) this.#known.delete(key);
    };
    return { recorded: session.recorded, end };
  }

  /** Its point is there, and keeps what it needs. */
  async committed(pointId: string): Promise<void> {
    const session = this.#known.get(pointId);
    if (session === undefined) return;
    // A part that is still open has nothing more to protect than any other session.
    if (session.open === 0) this.#known.delete(pointId);
    if (session.mark === undefined) return;
    const { mark } = session;
    session.mark = undefined;
    // One that stays makes a later collection wait, no more.
    await this.#store.remove(mark).catch(() => {});
  }

  /** What may be collected now, if a backup that was cut off may stay away for `grace` ms. Begins an epoch. */
  cutoff(grace: number): Cutoff {
    const now = this.#clock.now();
    const cutoff = { time: now - grace, epoch: 0 };
    this.#epochs.begin();
    cutoff.epoch = this.#epochs.at(performance.now() - grace);
    for (const session of this.#known.values()) {
      if (session.open === 0 && session.seenAt + grace <= now) continue;
      cutoff.time = Math.min(cutoff.time, session.since);
      cutoff.epoch = Math.min(cutoff.epoch, this.#reliesSince(session, now));
    }
    return cutoff;
  }

  /** Since which epoch it may rely on what it was told. */
  #reliesSince({ epoch, returned, seenAt }: KnownSession, now: number): number {
    if (epoch !== undefined) return this.#epochs.numberOf(epoch);
    return returned || now < seenAt + MEMORY_OF_ANSWERS ? 0 : Number.POSITIVE_INFINITY;
  }

  /** Forgets backups that gave no sign of life for `grace` ms. */
  async forgetLapsed(grace: number): Promise<void> {
    const now = this.#clock.now();
    for (const [key, { open, seenAt, mark }] of [...this.#known]) {
      if (open > 0 || seenAt + grace > now) continue;
      this.#known.delete(key);
      if (mark !== undefined) await this.#store.remove(mark);
    }
  }

  [Symbol.dispose](): void {
    clearInterval(this.#renewing);
  }

  #add(key: string, pointId: string | undefined): KnownSession {
    const since = this.#clock.now();
    const mark = pointId === undefined ? undefined : sessionName(since, pointId);
    const recorded = mark === undefined ? Promise.resolve() : this.#store.mark(mark);
    const epoch = this.#epochs.begin();
    const session: KnownSession = { open: 0, returned: true, since, epoch, seenAt: since, mark, recorded };
    // Whoever waits for it sees the failure. Without a mark the session is forgotten when it ends.
    recorded.catch(() => {
      session.mark = undefined;
    });
    this.#known.set(key, session);
    return session;
  }

  async #renew(): Promise<void> {
    for (const session of this.#known.values()) {
      if (session.open === 0 || session.mark === undefined) continue;
      session.seenAt = this.#clock.now();
      // A store that does not answer is asked again at the next beat.
      await this.#store.renewMark(session.mark).catch(() => {});
    }
  }
}
