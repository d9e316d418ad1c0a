import { glanceEntry } from '@sealift/repository';
import type { CacheFileWriter } from './cache-file.ts';
import type { WholePage } from './known-pages.ts';
import { type EntryToCache, PageBuilder } from './page-builder.ts';

/** A page of the cache that grows beyond this is no page of a tree any more; it is ended early. */
const MOST_PAGE_BYTES = 8 * 1024 * 1024;

/** Writes down what goes into a tree, in its pages, for the next run. */
export class CacheWriter {
  readonly #file: CacheFileWriter;
  #page = new PageBuilder();
  /** Whether the page holds all that the page of the tree will. */
  #complete = true;

  constructor(file: CacheFileWriter) {
    this.#file = file;
  }

  /** An entry as it went into the tree. */
  add(entry: EntryToCache): void {
    // One that would not fit into a block by itself.
    if (entry.encoded.length > MOST_PAGE_BYTES) this.#page.addMissing(glanceEntry(entry.encoded).path);
    else this.#page.add(entry);
    if (this.#page.bytes > MOST_PAGE_BYTES) this.#flush(undefined);
  }

  /** A path that has no entry in the tree though there is something. */
  addMissing(path: Buffer): void {
    this.#page.addMissing(path);
    if (this.#page.bytes > MOST_PAGE_BYTES) this.#flush(undefined);
  }

  /** A page of the tree is complete. @param id of its chunk; undefined if the next run would perhaps not end it here */
  endPage(id: Buffer | undefined): void {
    this.#flush(this.#complete ? id : undefined);
    this.#complete = true;
  }

  /** A page of the tree that is that of the last point. */
  addWhole({ packed }: WholePage): void {
    this.#flush(undefined);
    this.#complete = true;
    this.#file.addPacked(packed);
  }

  /** What follows is not known. */
  stop(): void {
    this.#file.stop();
  }

  room(): Promise<void> {
    return this.#file.room();
  }

  #flush(id: Buffer | undefined): void {
    if (id === undefined) this.#complete = false;
    if (this.#page.count === 0) return;
    this.#file.addPage(this.#page.finish(id));
    this.#page = new PageBuilder();
  }
}
