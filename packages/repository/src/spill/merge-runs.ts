import { type HashRun, RunWriter } from './hash-run.ts';
import type { SpillPlace } from './spill-place.ts';

/** Pairs between two pauses. */
const STEP = 8192;

/**
 * Makes one run of two, in steps between which others get their turn; they stay as they are until it returns. Stopped
 * before, it leaves nothing.
 */
export function* mergeRuns(one: HashRun, other: HashRun, of: MergeOptions): Generator<void, HashRun, undefined> {
  const writer = new RunWriter(of.place, one.count + other.count, of.filterBits);
  let finished: HashRun | undefined;
  const left = new Reading(one);
  const right = new Reading(other);
  try {
    for (let step = 1; left.hash < Number.POSITIVE_INFINITY || right.hash < Number.POSITIVE_INFINITY; step++) {
      const next = left.hash <= right.hash ? left : right;
      writer.add(next.hash, next.entry);
      next.advance();
      if (step % STEP === 0) yield;
    }
    finished = writer.finish();
    return finished;
  } finally {
    if (finished === undefined) writer[Symbol.dispose]();
  }
}

export interface MergeOptions {
  place: SpillPlace;
  filterBits: number;
}

class Reading {
  /** Infinite after the last pair. */
  hash = -1;
  entry = 0;
  readonly #buckets: Generator<Uint32Array, void, undefined>;
  /** A copy: look-ups use the array of the run between two steps. */
  #pairs = new Uint32Array(0);
  #at = 0;

  constructor(run: HashRun) {
    this.#buckets = run.pairs();
    this.advance();
  }

  advance(): void {
    while (this.#at === this.#pairs.length) {
      const next = this.#buckets.next();
      if (next.done === true) {
        this.hash = Number.POSITIVE_INFINITY;
        return;
      }
      this.#pairs = next.value.slice();
      this.#at = 0;
    }
    this.hash = this.#pairs[this.#at] as number;
    this.entry = this.#pairs[this.#at + 1] as number;
    this.#at += 2;
  }
}
