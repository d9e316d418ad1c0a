import { type Failure, orderedParallel, toFailure } from '@sealift/core';
import { uuidBytes, uuidText } from '@sealift/crypto';
import type { RepositoryClock } from './clock.ts';
import { fail } from './failures.ts';
import { decodePointLock, encodePointLock, LONGEST_LOCK, type PointLock } from './format/point-lock.ts';
import { LOCKS_FOLDER, lockName, parseLockName } from './layout.ts';
import { publishNumbered } from './store/publish-numbered.ts';
import type { Store } from './store/store.ts';

const READ_AHEAD = 8;
/** A lock further ahead is taken for a mistyped one, ms: a hundred years. */
const LONGEST_TERM = 36_525 * 24 * 3_600_000;

export interface Hold {
  /** As given by whoever set it. */
  reason: string;
  /** ms since 1970. */
  since: number;
}

/** What keeps a point, as the repository shows it. */
export interface PointKeeping {
  /** ms since 1970; absent if it was never locked. */
  lockedUntil?: number;
  hold?: Hold;
}

interface KeptPoint {
  lock: PointLock;
  /** Number of the newest lock file. */
  number: number;
  /** Files that cannot be read: nobody knows until when they lock, so they keep the point. */
  damaged: string[];
}

/**
 * Locks and holds of recovery points. Each change is a new immutable file that says all that still holds, so a crash
 * leaves the old state or the new one; the end of a lock is the latest of all files, so none can shorten it.
 */
export class PointLocks {
  readonly #store: Store;
  readonly #kept: Map<string, KeptPoint>;

  private constructor(store: Store, kept: Map<string, KeptPoint>) {
    this.#store = store;
    this.#kept = kept;
  }

  static async load(store: Store, onProblem: (failure: Failure) => void): Promise<PointLocks> {
    const kept = new Map<string, KeptPoint>();
    const names = (await store.list(LOCKS_FOLDER)).filter((name) => parseLockName(name) !== undefined).sort();
    for await (const [name, lock] of orderedParallel(names, READ_AHEAD, async (name) => {
      return [name, await readLock(store, name, onProblem)] as const;
    })) {
      const { pointId, number } = parseLockName(name) as { pointId: string; number: number };
      kept.set(pointId, merged(kept.get(pointId), { pointId, number, name, lock }));
    }
    return new PointLocks(store, kept);
  }

  get isEmpty(): boolean {
    return this.#kept.size === 0;
  }

  /** The latest time at which a lock was written, ms since 1970, or 0. */
  get newestTime(): number {
    let newest = 0;
    for (const { lock } of this.#kept.values()) newest = Math.max(newest, lock.recordedAt);
    return newest;
  }

  of(pointId: string): PointKeeping {
    const kept = this.#kept.get(pointId);
    if (kept === undefined) return {};
    const { until, hold } = kept.lock;
    const [damaged] = kept.damaged;
    const held = damaged === undefined ? hold : { reason: `The lock ${damaged} cannot be read.`, since: 0 };
    return { ...(until === 0 ? {} : { lockedUntil: until }), ...(held === undefined ? {} : { hold: held }) };
  }

  /** Throws if the point may not be removed now. */
  assertRemovable(pointId: string, now: number): void {
    const { lockedUntil = 0, hold } = this.of(pointId);
    if (lockedUntil > now) {
      const end = new Date(lockedUntil).toISOString();
      throw fail('point-locked', `Recovery point ${pointId} in ${this.#store.location} is locked until ${end}.`);
    }
    const [damaged] = this.#kept.get(pointId)?.damaged ?? [];
    if (damaged !== undefined) {
      throw fail('lock-damaged', `Recovery point ${pointId} is kept: its lock ${damaged} cannot be read.`);
    }
    if (hold !== undefined) throw fail('point-held', `Recovery point ${pointId} is held: ${hold.reason}`);
  }

  /** Locks a point, or extends its lock. */
  async lock(pointId: string, until: number, clock: RepositoryClock): Promise<void> {
    const now = clock.now();
    const stands = this.#kept.get(pointId)?.lock.until ?? 0;
    if (!Number.isSafeInteger(until) || until <= now || until > now + LONGEST_TERM) {
      throw fail('lock-refused', `Recovery point ${pointId} cannot be locked until ${until} ms: it is now ${now}.`);
    }
    if (until === stands) return;
    if (until < stands) {
      const end = new Date(stands).toISOString();
      throw fail('lock-refused', `Recovery point ${pointId} is locked until ${end}; a lock is never shortened.`);
    }
    await this.#write(pointId, { until }, now);
  }

  async hold(pointId: string, reason: string, clock: RepositoryClock): Promise<void> {
    const now = clock.now();
    await this.#write(pointId, { hold: { reason, since: now } }, now);
  }

  async release(pointId: string, clock: RepositoryClock): Promise<void> {
    if (this.#kept.get(pointId)?.lock.hold === undefined) return;
    await this.#write(pointId, { hold: undefined }, clock.now());
  }

  /** After the point is gone. */
  async forget(pointId: string): Promise<void> {
    this.#kept.delete(pointId);
    for (const name of await this.#store.list(`${LOCKS_FOLDER}/${pointId}`)) await this.#store.remove(name);
  }

  /** Removes locks whose points were never committed, or are gone. */
  async forgetAllBut(pointIds: ReadonlySet<string>): Promise<void> {
    for (const pointId of [...this.#kept.keys()]) if (!pointIds.has(pointId)) await this.forget(pointId);
  }

  async #write(pointId: string, change: { until?: number; hold?: Hold | undefined }, now: number): Promise<void> {
    const kept = this.#kept.get(pointId);
    const hold = 'hold' in change ? change.hold : kept?.lock.hold;
    const until = change.until ?? kept?.lock.until ?? 0;
    const lock = { pointId: uuidBytes(pointId), until, recordedAt: now, ...(hold === undefined ? {} : { hold }) };
    const first = (kept?.number ?? 0) + 1;
    const number = await publishNumbered(this.#store, (n) => lockName(pointId, n), first, encodePointLock(lock));
    this.#kept.set(pointId, { lock, number, damaged: kept?.damaged ?? [] });
    await this.#removeOlder(pointId, number);
  }

  /** What the newest says is enough; files that cannot be read stay, for they may say more. */
  async #removeOlder(pointId: string, newest: number): Promise<void> {
    const damaged = new Set(this.#kept.get(pointId)?.damaged);
    for (const name of await this.#store.list(`${LOCKS_FOLDER}/${pointId}`)) {
      const number = parseLockName(name)?.number ?? newest;
      // Left behind, it says nothing that the newest does not say, so the change was made even if this fails.
      if (number < newest && !damaged.has(name)) await this.#store.remove(name).catch(() => {});
    }
  }
}

async function readLock(
  store: Store,
  name: string,
  onProblem: (failure: Failure) => void,
): Promise<PointLock | undefined> {
  try {
    const { tail, length } = await store.readTail(name, LONGEST_LOCK);
    if (length > LONGEST_LOCK) throw fail('format-damaged', `A lock has ${length} bytes.`);
    const lock = decodePointLock(tail);
    if (uuidText(lock.pointId) === parseLockName(name)?.pointId) return lock;
    throw fail('format-damaged', `It belongs to point ${uuidText(lock.pointId)}.`);
  } catch (thrown) {
    const cause = toFailure(thrown);
    if (cause.kind !== 'corrupt') throw cause;
    const message = `The lock ${name} in ${store.location} cannot be read, so its point is kept: ${cause.message}`;
    onProblem(fail('lock-damaged', message, { cause }));
    return undefined;
  }
}

interface LoadedLock {
  pointId: string;
  number: number;
  name: string;
  lock: PointLock | undefined;
}

/** Files come in the order of their numbers: the newest tells of the hold, all of them of the end of the lock. */
function merged(earlier: KeptPoint | undefined, { pointId, number, name, lock }: LoadedLock): KeptPoint {
  const before = earlier ?? { lock: { pointId: uuidBytes(pointId), until: 0, recordedAt: 0 }, number: 0, damaged: [] };
  if (lock === undefined) return { ...before, number, damaged: [...before.damaged, name] };
  const until = Math.max(before.lock.until, lock.until);
  const recordedAt = Math.max(before.lock.recordedAt, lock.recordedAt);
  return { lock: { ...lock, until, recordedAt }, number, damaged: before.damaged };
}
