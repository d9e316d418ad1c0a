import type { Failure } from '@sealift/core';
import type { RepositoryClock } from './clock.ts';
import { fail } from './failures.ts';
import { isUuid, pointName, referencesName, sparePointName } from './layout.ts';
import type { LeastLocks } from './least-locks.ts';
import type { PointLocks } from './point-locks.ts';
import { type PointRecord, storedPoints } from './points.ts';
import type { Removal, RemovalLog } from './removals.ts';
import { keepSparePoint } from './spare-points.ts';
import type { Store } from './store/store.ts';

interface Parts {
  store: Store;
  clock: RepositoryClock;
  points: PointRecord[];
  locks: PointLocks;
  leastLocks: LeastLocks;
  removals: RemovalLog;
}

/** The recovery points of an open repository, what keeps them, and the log of those that are gone. */
export class PointShelf {
  readonly #parts: Parts;
  readonly #points: Map<string, PointRecord>;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#points = new Map(parts.points.map((point) => [point.id, point]));
  }

  get size(): number {
    return this.#points.size;
  }

  /** Oldest first, by the time of receipt. */
  list(): PointRecord[] {
    return [...this.#points.values()].map((point) => this.#kept(point)).sort((a, b) => a.receivedAt - b.receivedAt);
  }

  get(id: string): PointRecord | undefined {
    const point = this.#points.get(id);
    return point && this.#kept(point);
  }

  demand(id: string): PointRecord {
    return this.#kept(this.#demand(id));
  }

  add(point: PointRecord): void {
    this.#points.set(point.id, point);
  }

  async lock(id: string, until: number): Promise<PointRecord> {
    const point = this.#demand(id);
    await this.#parts.locks.lock(id, until, this.#parts.clock);
    return this.#kept(point);
  }

  /** ms for which every new point is locked at least; 0: none. */
  get leastLock(): number {
    return this.#parts.leastLocks.period;
  }

  lengthenLeastLock(period: number): Promise<void> {
    return this.#parts.leastLocks.lengthen(period, this.#parts.clock);
  }

  /** Locks a point that is about to be committed, so that it is never seen without its lock; 0: as the repository has it. */
  async lockAhead({ id, receivedAt }: PointRecord, duration: number): Promise<void> {
    const longest = Math.max(duration, this.leastLock);
    if (longest > 0) await this.#parts.locks.lock(id, receivedAt + longest, this.#parts.clock);
  }

  async hold(id: string, reason: string): Promise<PointRecord> {
    const point = this.#demand(id);
    await this.#parts.locks.hold(id, reason, this.#parts.clock);
    return this.#kept(point);
  }

  async release(id: string): Promise<PointRecord> {
    const point = this.#demand(id);
    await this.#parts.locks.release(id, this.#parts.clock);
    return this.#kept(point);
  }

  /**
   * The log first, then the point, its second copy ahead, then what belongs to it: a crash leaves a point that is whole, or
   * none, never one that went unlogged, and never a second copy alone, which would count as a point. `confirm` asks whether this program still owns the repository.
   */
  async remove(id: string, reason: string, confirm: () => Promise<void>): Promise<void> {
    const { store, clock, locks, removals } = this.#parts;
    const point = this.#points.get(id);
    // A damaged point is on the disk only; it may go like any other.
    if (point === undefined && !(await this.#isStored(id))) throw this.#missing(id);
    const removedAt = clock.now();
    locks.assertRemovable(id, removedAt);
    await removals.add(id, point, { reason, removedAt });
    await confirm();
    await store.remove(sparePointName(id));
    await store.remove(pointName(id));
    this.#points.delete(id);
    // What stays behind is of no point, and is removed at the next opening.
    await store.remove(referencesName(id)).catch(() => {});
    await locks.forget(id).catch(() => {});
  }

  /** Writes the second copy of a point that has none, if it is there still. */
  async keepSpare(id: string): Promise<void> {
    if (this.#points.has(id)) await keepSparePoint(this.#parts.store, id);
  }

  removed(limit: number): Promise<Removal[]> {
    return this.#parts.removals.newest(limit);
  }

  #kept(point: PointRecord): PointRecord {
    return { ...point, ...this.#parts.locks.of(point.id) };
  }

  #demand(id: string): PointRecord {
    const point = this.#points.get(id);
    if (point === undefined) throw this.#missing(id);
    return point;
  }

  #missing(id: string): Failure {
    return fail('point-missing', `There is no recovery point ${id} in ${this.#parts.store.location}.`);
  }

  async #isStored(id: string): Promise<boolean> {
    return isUuid(id) && (await storedPoints(this.#parts.store)).has(id);
  }
}
