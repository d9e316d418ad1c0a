import { crc32 } from 'node:zlib';
import type { Entries } from '../index/entries.ts';
import { bytesOf } from './paged-words.ts';
import { ScratchFile } from './scratch-file.ts';
import type { SpillPlace } from './spill-place.ts';
import { SplitBlockFilter } from './split-block-filter.ts';

/** Read for a look-up, on average; a pair of hash and entry has 8 bytes. */
const PAIRS_PER_BUCKET = 128;
const PAIR_WORDS = 2;
const PAIR_BYTES = 8;
/** Pairs written or read at once. */
const SPAN = 16_384;

/**
 * Pairs of hash and number of an entry, sorted by hash, in a file that does not change. In memory are where each bucket of
 * hashes begins, its checksum, and a filter.
 */
export class HashRun implements Disposable {
  readonly count: number;
  readonly #place: SpillPlace;
  readonly #file: ScratchFile;
  readonly #filter: SplitBlockFilter;
  /** A bucket holds the hashes that are the same in so many low bits less. */
  readonly #shift: number;
  /** The first pair of each bucket, and the end of the last. */
  readonly #begins: Uint32Array;
  readonly #sums: Uint32Array;
  #bucket = new Uint32Array(PAIRS_PER_BUCKET * 2 * PAIR_WORDS);

  constructor(of: RunParts) {
    this.count = of.count;
    this.#place = of.place;
    this.#file = of.file;
    this.#filter = of.filter;
    this.#shift = of.shift;
    this.#begins = of.begins;
    this.#sums = of.sums;
  }

  get byteLength(): number {
    return this.#filter.byteLength + this.#begins.byteLength + this.#sums.byteLength + this.#bucket.byteLength;
  }

  /** The entry with these words as its id, or -1. @throws Failure `index-damaged` */
  find(entries: Entries, id: Uint32Array, hash: number): number {
    if (!this.#filter.mayHave(hash)) return -1;
    const pairs = this.#readBucket(this.#shift === 32 ? 0 : hash >>> this.#shift);
    for (let at = lowest(pairs, hash); at < pairs.length && pairs[at] === hash; at += PAIR_WORDS) {
      const entry = pairs[at + 1] as number;
      if (entries.has(entry, id)) return entry;
    }
    return -1;
  }

  /** All pairs in order, in arrays that are used again. @throws Failure `index-damaged` */
  *pairs(): Generator<Uint32Array, void, undefined> {
    for (let bucket = 0; bucket < this.#sums.length; bucket++) yield this.#readBucket(bucket);
  }

  [Symbol.dispose](): void {
    this.#file[Symbol.dispose]();
  }

  #readBucket(bucket: number): Uint32Array {
    const begin = this.#begins[bucket] as number;
    const length = ((this.#begins[bucket + 1] as number) - begin) * PAIR_WORDS;
    if (length > this.#bucket.length) this.#bucket = new Uint32Array(length);
    const pairs = this.#bucket.subarray(0, length);
    this.#file.read(bytesOf(pairs), begin * PAIR_BYTES);
    if (crc32(bytesOf(pairs)) === this.#sums[bucket]) return pairs;
    throw this.#place.damaged(`bucket ${bucket} of ${this.count} hashes is not what was written there`);
  }
}

interface RunParts {
  place: SpillPlace;
  count: number;
  file: ScratchFile;
  filter: SplitBlockFilter;
  shift: number;
  begins: Uint32Array;
  sums: Uint32Array;
}

/** Where the first pair of a hash stands, or would stand. */
function lowest(pairs: Uint32Array, hash: number): number {
  let [low, high] = [0, pairs.length / PAIR_WORDS];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((pairs[middle * PAIR_WORDS] as number) < hash) low = middle + 1;
    else high = middle;
  }
  return low * PAIR_WORDS;
}

/** Makes a run of pairs that come sorted by hash. */
export class RunWriter implements Disposable {
  readonly #parts: RunParts;
  readonly #buffer = new Uint32Array(SPAN * PAIR_WORDS);
  /** Pairs in the buffer, and those of them whose checksum was made. */
  #filled = 0;
  #summed = 0;
  #written = 0;
  #bucket = 0;

  constructor(place: SpillPlace, count: number, filterBits: number) {
    const bits = Math.max(0, Math.ceil(Math.log2(count / PAIRS_PER_BUCKET)));
    const filter = new SplitBlockFilter(count, filterBits);
    const tables = { begins: new Uint32Array(2 ** bits + 1), sums: new Uint32Array(2 ** bits) };
    this.#parts = { place, count, filter, shift: 32 - bits, ...tables, file: new ScratchFile(place) };
  }

  get byteLength(): number {
    const { filter, begins, sums } = this.#parts;
    return filter.byteLength + begins.byteLength + sums.byteLength + this.#buffer.byteLength;
  }

  add(hash: number, entry: number): void {
    const { shift, filter } = this.#parts;
    this.#closeBuckets(shift === 32 ? 0 : hash >>> shift);
    if (this.#filled === SPAN) this.#flush();
    this.#buffer[this.#filled * PAIR_WORDS] = hash;
    this.#buffer[this.#filled * PAIR_WORDS + 1] = entry;
    this.#filled++;
    filter.add(hash);
  }

  /** After the last pair. */
  finish(): HashRun {
    this.#closeBuckets(this.#parts.sums.length);
    this.#flush();
    return new HashRun(this.#parts);
  }

  /** Gives it up. */
  [Symbol.dispose](): void {
    this.#parts.file[Symbol.dispose]();
  }

  #closeBuckets(next: number): void {
    if (next === this.#bucket) return;
    this.#sum();
    while (this.#bucket < next) this.#parts.begins[++this.#bucket] = this.#written + this.#filled;
  }

  /** Continues the checksum of the bucket over what was added to it. */
  #sum(): void {
    const { sums } = this.#parts;
    const added = this.#buffer.subarray(this.#summed * PAIR_WORDS, this.#filled * PAIR_WORDS);
    sums[this.#bucket] = crc32(bytesOf(added), sums[this.#bucket]);
    this.#summed = this.#filled;
  }

  #flush(): void {
    if (this.#bucket < this.#parts.sums.length) this.#sum();
    this.#parts.file.write(bytesOf(this.#buffer.subarray(0, this.#filled * PAIR_WORDS)), this.#written * PAIR_BYTES);
    this.#written += this.#filled;
    this.#filled = 0;
    this.#summed = 0;
  }
}
