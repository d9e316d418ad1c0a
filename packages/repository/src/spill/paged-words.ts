import { crcOf } from '../format/checksum.ts';
import { ScratchFile } from './scratch-file.ts';
import type { SpillPlace } from './spill-place.ts';

/**
 * u32 words on the disk in pages, a few of which are in memory. The checksum of each page stays in memory, so whatever
 * comes back from the disk is what was last written there. Pages never written are zeros.
 */
export class PagedWords implements Disposable {
  readonly #place: SpillPlace;
  readonly #file: ScratchFile;
  readonly #pageWords: number;
  readonly #frames: number;
  /** The pages in memory, one frame each. What `at` tells holds until it is asked again. */
  readonly words: Uint32Array<ArrayBuffer>;
  readonly #frameOf = new Map<number, number>();
  readonly #pageIn: Float64Array;
  readonly #touched: Uint8Array;
  readonly #dirty: Uint8Array;
  #sums = new Uint32Array(1024);
  #onDisk = new Uint8Array(1024);
  #hand = 0;
  #last = { page: -1, frame: 0 };

  constructor(place: SpillPlace, of: { pageWords: number; frames: number }) {
    this.#pageWords = of.pageWords;
    this.#frames = of.frames;
    this.words = new Uint32Array(of.frames * of.pageWords);
    this.#pageIn = new Float64Array(of.frames).fill(-1);
    this.#touched = new Uint8Array(of.frames);
    this.#dirty = new Uint8Array(of.frames);
    this.#place = place;
    this.#file = new ScratchFile(place);
  }

  get byteLength(): number {
    // What the map of frames takes is near 64 bytes for each.
    return this.words.byteLength + this.#frames * 74 + this.#sums.byteLength + this.#onDisk.byteLength;
  }

  /** Where the page begins in `words`. @throws Failure `index-damaged` */
  at(page: number): number {
    if (this.#last.page === page) return this.#last.frame * this.#pageWords;
    let frame = this.#frameOf.get(page);
    if (frame === undefined) {
      frame = this.#freeFrame();
      this.#load(page, frame);
    }
    this.#touched[frame] = 1;
    this.#last = { page, frame };
    return frame * this.#pageWords;
  }

  /** The same; what is written there will be kept. */
  atForWriting(page: number): number {
    const at = this.at(page);
    this.#dirty[this.#last.frame] = 1;
    return at;
  }

  /** Writes whole pages that are in no frame. */
  writePages(first: number, words: Uint32Array): void {
    this.#file.write(bytesOf(words), first * this.#pageWords * 4);
    for (let i = 0; i * this.#pageWords < words.length; i++) {
      this.#note(first + i, crcOf(bytesOf(words.subarray(i * this.#pageWords, (i + 1) * this.#pageWords))));
    }
  }

  /** Fills `words` with whole pages, as they are now. @throws Failure `index-damaged` */
  readPages(first: number, words: Uint32Array): void {
    this.#file.read(bytesOf(words), first * this.#pageWords * 4);
    for (let i = 0; i * this.#pageWords < words.length; i++) {
      const page = words.subarray(i * this.#pageWords, (i + 1) * this.#pageWords);
      const frame = this.#frameOf.get(first + i);
      if (frame !== undefined) page.set(this.#wordsIn(frame));
      else this.#check(first + i, page);
    }
  }

  /** Pages that are not zeros. */
  *written(): Generator<number, void, undefined> {
    for (let page = 0; page < this.#onDisk.length; page++) {
      if (this.#onDisk[page] === 1 || this.#frameOf.has(page)) yield page;
    }
  }

  [Symbol.dispose](): void {
    this.#file[Symbol.dispose]();
  }

  #load(page: number, frame: number): void {
    const words = this.#wordsIn(frame);
    if (this.#onDisk[page] !== 1) words.fill(0);
    else {
      this.#file.read(bytesOf(words), page * this.#pageWords * 4);
      this.#check(page, words);
    }
    this.#frameOf.set(page, frame);
    this.#pageIn[frame] = page;
    if (page >= this.#onDisk.length) this.#grow(page);
  }

  #check(page: number, words: Uint32Array): void {
    if (crcOf(bytesOf(words)) === this.#sums[page]) return;
    throw this.#place.damaged(`page ${page} is not what was written there`);
  }

  /** Second chance: pages that were asked for since the hand came by stay. */
  #freeFrame(): number {
    for (;;) {
      const frame = this.#hand;
      this.#hand = (frame + 1) % this.#frames;
      if (this.#touched[frame] === 1) this.#touched[frame] = 0;
      else {
        this.#evict(frame);
        return frame;
      }
    }
  }

  /** On failure it stays where it is, and nothing is lost. */
  #evict(frame: number): void {
    const page = this.#pageIn[frame] as number;
    if (page < 0) return;
    if (this.#dirty[frame] === 1) this.writePages(page, this.#wordsIn(frame));
    this.#dirty[frame] = 0;
    this.#frameOf.delete(page);
    this.#pageIn[frame] = -1;
    if (this.#last.frame === frame) this.#last = { page: -1, frame: 0 };
  }

  #wordsIn(frame: number): Uint32Array<ArrayBuffer> {
    return this.words.subarray(frame * this.#pageWords, (frame + 1) * this.#pageWords);
  }

  #note(page: number, sum: number): void {
    if (page >= this.#onDisk.length) this.#grow(page);
    this.#sums[page] = sum;
    this.#onDisk[page] = 1;
  }

  #grow(page: number): void {
    const length = Math.max(page + 1, Math.ceil(this.#onDisk.length * 1.25));
    const [sums, onDisk] = [this.#sums, this.#onDisk];
    this.#sums = new Uint32Array(length);
    this.#sums.set(sums);
    this.#onDisk = new Uint8Array(length);
    this.#onDisk.set(onDisk);
  }
}

export function bytesOf(words: Uint32Array): Buffer<ArrayBuffer> {
  return Buffer.from(words.buffer as ArrayBuffer, words.byteOffset, words.byteLength);
}
