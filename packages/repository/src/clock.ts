import type { Failure } from '@sealift/core';
import { fail } from './failures.ts';

/** Clocks that differ by less are called equal, ms. */
const TOLERANCE = 5 * 60_000;
/** A jump forward is believed when it has lasted for so long, ms. */
const BELIEVED_AFTER = 24 * 3_600_000;
/** A repository with locks that was left alone for longer says so when it is opened, ms. */
const LONG_PAUSE = 7 * 24 * 3_600_000;
/** Dates beyond cannot be printed. */
const LAST_TIME = 8.64e15;

type JumpKind = 'pause' | 'back' | 'ahead';

/**
 * The time by which a repository judges its locks and stamps what it receives. It never goes back: the newest time found
 * in the repository counts while the system's clock is behind it. A jump forward, seen against the time that passed since
 * the opening, does not count before it has lasted a day. Either is told once.
 */
export class RepositoryClock {
  readonly #onProblem: (failure: Failure) => void;
  readonly #told = new Set<JumpKind>();
  #newest: number;
  #base = Date.now();
  #baseAt = performance.now();
  #aheadSince: number | undefined;

  /** `newest` is the latest time written anywhere in the repository, ms since 1970. */
  constructor(newest: number, hasLocks: boolean, onProblem: (failure: Failure) => void) {
    this.#newest = newest;
    this.#onProblem = onProblem;
    if (hasLocks && newest > 0 && this.#base > newest + LONG_PAUSE) {
      this.#tell('pause', `The clock says ${iso(this.#base)}; the newest time in the repository is ${iso(newest)}.`);
    }
    this.now();
  }

  /** ms since 1970, never less than before. */
  now(): number {
    const wall = Date.now();
    if (wall < this.#newest - TOLERANCE) {
      this.#tell(
        'back',
        `The clock says ${iso(wall)}, before ${iso(this.#newest)}, which counts until the clock has passed it.`,
      );
    }
    this.#newest = Math.max(this.#newest, this.#believed(wall));
    return this.#newest;
  }

  #believed(wall: number): number {
    const at = performance.now();
    const expected = Math.floor(this.#base + at - this.#baseAt);
    if (wall <= expected + TOLERANCE) {
      this.#aheadSince = undefined;
      return wall;
    }
    this.#aheadSince ??= at;
    if (at - this.#aheadSince >= BELIEVED_AFTER) {
      this.#base = wall;
      this.#baseAt = at;
      return wall;
    }
    this.#tell(
      'ahead',
      `The clock jumped ahead to ${iso(wall)}; by the time that passed it is ${iso(expected)}, which counts.`,
    );
    return expected;
  }

  #tell(kind: JumpKind, message: string): void {
    if (this.#told.has(kind)) return;
    this.#told.add(kind);
    this.#onProblem(fail('clock-jumped', message));
  }
}

function iso(time: number): string {
  return new Date(Math.min(time, LAST_TIME)).toISOString();
}
