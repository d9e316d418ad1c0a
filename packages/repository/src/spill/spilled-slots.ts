import { Failure } from '@sealift/core';
import type { Entries } from '../index/entries.ts';
import { FreshHashes } from './fresh-hashes.ts';
import { type HashRun, RunWriter } from './hash-run.ts';
import { mergeRuns } from './merge-runs.ts';
import type { SpillPlace } from './spill-place.ts';

/** A step of the merge that is going on is taken once every so many additions: faster than they make merges necessary. */
const ADDITIONS_PER_STEP = 256;

export interface SlotsOptions {
  place: SpillPlace;
  /** Pairs that are gathered before they become a run; a power of two, at most 2^20. */
  fresh: number;
  /** Bits of a filter for each hash when there are so many. */
  filterBits: (count: number) => number;
}

interface Merging {
  steps: Generator<void, HashRun, undefined>;
  of: readonly [HashRun, HashRun];
}

/**
 * Finds entries by the hash of their id, on the disk: new ones are gathered in memory, written as sorted runs, and runs of
 * like size merged, step by step while others are added, so that there are few: about the binary logarithm.
 */
export class SpilledSlots implements Disposable {
  readonly #options: SlotsOptions;
  readonly #fresh: FreshHashes;
  /** The largest first. */
  #runs: HashRun[] = [];
  #merging: Merging | undefined;
  #additions = 0;
  #count = 0;

  constructor(options: SlotsOptions) {
    this.#options = options;
    this.#fresh = new FreshHashes(options.fresh);
  }

  get byteLength(): number {
    return this.#runs.reduce((sum, run) => sum + run.byteLength, this.#fresh.byteLength);
  }

  /** The entry with these words as its id, or -1. @throws Failure `index-damaged` */
  find(entries: Entries, id: Uint32Array, hash: number): number {
    const fresh = this.#fresh.find(entries, id, hash);
    if (fresh >= 0) return fresh;
    for (const run of this.#runs) {
      const found = run.find(entries, id, hash);
      if (found >= 0) return found;
    }
    return -1;
  }

  /** Of an entry that is not in it, after `reserve`. */
  add(hash: number, entry: number): void {
    this.#fresh.add(hash, entry);
    this.#count++;
  }

  /** Makes room for one more, and goes on with merging. @throws Failure `index-damaged`, or of the disk: nothing has changed then */
  reserve(): void {
    if (this.#fresh.isFull) this.#flush();
    if (++this.#additions % ADDITIONS_PER_STEP === 0) this.#merge();
  }

  [Symbol.dispose](): void {
    this.#merging?.steps.return(undefined as never);
    for (const run of this.#runs) run[Symbol.dispose]();
  }

  #flush(): void {
    const { place, filterBits } = this.#options;
    const writer = new RunWriter(place, this.#fresh.count, filterBits(this.#count));
    try {
      for (const [hash, entry] of this.#fresh.sorted()) writer.add(hash, entry);
      this.#runs.push(writer.finish());
    } catch (thrown) {
      writer[Symbol.dispose]();
      throw thrown;
    }
    this.#fresh.clear();
  }

  /** On a full disk the runs stay as they are, and it is tried again. */
  #merge(): void {
    this.#merging ??= this.#nextMerge();
    if (this.#merging === undefined) return;
    const { steps, of } = this.#merging;
    try {
      const step = steps.next();
      if (step.done !== true) return;
      this.#runs = [...this.#runs.filter((run) => !of.includes(run)), step.value].sort((a, b) => b.count - a.count);
      for (const run of of) run[Symbol.dispose]();
    } catch (thrown) {
      if (!(thrown instanceof Failure) || thrown.code === 'index-damaged') throw thrown;
    }
    this.#merging = undefined;
  }

  #nextMerge(): Merging | undefined {
    for (let i = this.#runs.length - 1; i > 0; i--) {
      const [larger, smaller] = [this.#runs[i - 1], this.#runs[i]] as [HashRun, HashRun];
      if (larger.count >= smaller.count * 2) continue;
      const { place, filterBits } = this.#options;
      const options = { place, filterBits: filterBits(this.#count) };
      return { steps: mergeRuns(larger, smaller, options), of: [larger, smaller] };
    }
    return undefined;
  }
}
