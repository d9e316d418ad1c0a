import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { SCRATCH_ENDING } from './scratch-file.ts';

/** Bits for each hash at most: about one in a hundred look-ups of what is not there goes to the disk. */
const FILTER_BITS = 10;
const MOST_FRESH = 2 ** 20;
const LEAST_FRESH = 2 ** 10;
const FRESH_BYTES = 16;

/** How an index lives on the disk. */
export interface SpillOptions {
  folder: string;
  /** Memory for pages, bytes. */
  cacheBytes: number;
  /** Pairs of hash and entry gathered in memory; a power of two, at most 2^20. */
  fresh: number;
  /** Bits of a filter for each hash when there are so many. */
  filterBits: (count: number) => number;
}

/** An index as far as its memory is concerned. */
export interface MeasuredIndex {
  readonly byteLength: number;
  readonly isSpilled: boolean;
  spill(options: SpillOptions): void;
}

/**
 * What the indexes of this program may take together, bytes of memory. The largest goes to the disk when they would take
 * more, and takes a share of the limit from then on. What cannot be less is 0.13 bytes an entry: where buckets and pages
 * are checked and begin. Filters get fewer bits, or none, when there are more entries than their share has room for.
 */
export class IndexMemory {
  readonly #limit: number;
  readonly #folder: string;
  readonly #indexes = new Set<MeasuredIndex>();

  private constructor(folder: string, limit: number) {
    this.#folder = folder;
    this.#limit = limit;
  }

  /** @param folder of this program alone, on a disk of this machine; what others left in it is removed */
  static async open(folder: string, limit: number): Promise<IndexMemory> {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    for (const name of await readdir(folder))
      if (name.endsWith(SCRATCH_ENDING)) await rm(join(folder, name), { force: true });
    return new IndexMemory(folder, limit);
  }

  /** Bytes that the indexes take now. */
  get byteLength(): number {
    let sum = 0;
    for (const { byteLength } of this.#indexes) sum += byteLength;
    return sum;
  }

  add(index: MeasuredIndex): void {
    this.#indexes.add(index);
  }

  delete(index: MeasuredIndex): void {
    this.#indexes.delete(index);
  }

  /** For so many bytes more. */
  makeRoom(bytes: number): void {
    while (this.byteLength + bytes > this.#limit) {
      const inMemory = [...this.#indexes].filter(({ isSpilled }) => !isSpilled);
      const largest = inMemory.toSorted((a, b) => b.byteLength - a.byteLength)[0];
      if (largest === undefined) return;
      largest.spill(this.#share());
    }
  }

  /** Half of the limit for the first on the disk, half of that for the second, and so on; the rest is for those in memory. */
  #share(): SpillOptions {
    const before = [...this.#indexes].filter(({ isSpilled }) => isSpilled).length;
    const share = this.#limit / 2 ** (before + 1);
    const fresh = 2 ** Math.floor(Math.log2(share / 8 / FRESH_BYTES));
    return {
      folder: this.#folder,
      cacheBytes: share / 2,
      fresh: Math.max(LEAST_FRESH, Math.min(MOST_FRESH, fresh)),
      filterBits: (count) => Math.min(FILTER_BITS, Math.floor(share / count)),
    };
  }
}
