import { unpackCacheBlock } from '@sealift/crypto';
import { comparePaths, decodeEntry, glanceEntry } from '@sealift/repository';
import type { KnownTree } from '@sealift/workloads';
import type { ReadPage } from './cache-file.ts';
import { ENTRY_FLAG, encodedAt, entryOffsets, flagsAt, pathAt, printEquals, readEntryAt, readHead } from './page.ts';
import { PageBuilder } from './page-builder.ts';

/** Entries that are as they were, in tree order: a page of the cache of their own, or a whole page of the last tree. */
export type Kept = { kept: Buffer } | { whole: WholePage };

export interface WholePage {
  /** Path of its first entry. */
  first: Buffer;
  /** The page up to its entries. */
  head: Buffer;
  /** The page as it was read, packed. */
  packed: Buffer;
}

/** The page of the cache that a whole page is. */
export function unpackPage({ packed }: WholePage): Buffer {
  // It was unpacked before, when it was read; its first byte is the kind of its block.
  return (unpackCacheBlock(packed) as Buffer).subarray(1);
}

interface Page extends ReadPage {
  offsets: Uint32Array;
}

/** The cache of the previous point beside a walk: says what is unchanged and gathers it. Memory: one page. */
export class KnownPages implements KnownTree {
  gaps = 0;
  readonly #pages: Iterator<ReadPage | undefined>;
  #page: Page | undefined;
  /** The next entry of the page. */
  #at = 0;
  /** The first of the entries before `#at` that matched, one after another. */
  #from = 0;
  #kept: Kept[] = [];

  constructor(pages: Iterator<ReadPage | undefined>) {
    this.#pages = pages;
    this.#nextPage();
  }

  matches(path: Buffer, print: Buffer, hardLink: Buffer | undefined): boolean {
    const order = this.#seek(path);
    const page = this.#page;
    if (order !== 0 || page === undefined) return false;
    const at = page.offsets[this.#at] as number;
    const settled = flagsAt(page.page, at) === ENTRY_FLAG.settled;
    const same = settled && printEquals(page.page, at, print) && this.#sameFirstName(hardLink);
    if (!same) this.#skip();
    else this.#forward();
    return same;
  }

  childAfter(folder: Buffer, last: string | undefined): string | undefined {
    if (last !== undefined) this.#skipAll(Buffer.concat([folder, Buffer.from(last, 'latin1')]));
    const path = this.#path();
    if (path === undefined || !startsWith(path, folder)) return undefined;
    const slash = path.indexOf(SLASH, folder.length);
    return path.toString('latin1', folder.length, slash < 0 ? path.length : slash);
  }

  /** What was kept so far and is complete. */
  take(): Kept[] {
    const kept = this.#kept;
    if (kept.length > 0) this.#kept = [];
    return kept;
  }

  /** Completes what matched so far, since something else comes behind it. */
  interrupt(): void {
    const page = this.#page;
    if (page === undefined || this.#from === this.#at) return;
    this.#kept.push(this.#keptOf(page, this.#from, this.#at));
    this.#from = this.#at;
  }

  /** Passes entries that come before `path`. @returns how the next one compares with it */
  #seek(path: Buffer): number {
    for (let known = this.#path(); known !== undefined; known = this.#path()) {
      const order = known.equals(path) ? 0 : comparePaths(known, path);
      if (order >= 0) return order;
      this.#skip();
    }
    return 1;
  }

  /** Passes an entry and all that is below it. */
  #skipAll(path: Buffer): void {
    for (let known = this.#path(); known !== undefined; known = this.#path()) {
      const below = known[path.length] === SLASH && startsWith(known, path);
      if (!below && comparePaths(known, path) > 0) return;
      this.#skip();
    }
  }

  #path(): Buffer | undefined {
    const page = this.#page;
    if (page === undefined) return undefined;
    return pathAt(page.page, page.offsets[this.#at] as number, page.offsets[this.#at + 1] as number);
  }

  #sameFirstName(hardLink: Buffer | undefined): boolean {
    const { page, offsets } = this.#page as Page;
    const encoded = encodedAt(page, offsets[this.#at] as number, offsets[this.#at + 1] as number);
    const known = decodeFirstName(encoded);
    return known === undefined ? hardLink === undefined : hardLink !== undefined && known.equals(hardLink);
  }

  /** The entry at hand does not match. */
  #skip(): void {
    this.interrupt();
    this.#from = this.#at + 1;
    this.#forward();
  }

  #forward(): void {
    const page = this.#page as Page;
    this.#at++;
    if (this.#at + 1 < page.offsets.length) return;
    this.interrupt();
    this.#nextPage();
  }

  #nextPage(): void {
    this.#page = undefined;
    this.#at = 0;
    this.#from = 0;
    for (let next = this.#pages.next(); next.done !== true; next = this.#pages.next()) {
      const page = wellFormed(next.value);
      if (page === undefined) this.gaps++;
      else if (page.offsets.length > 1) {
        this.#page = page;
        return;
      }
    }
  }

  #keptOf({ page, packed, offsets }: Page, from: number, to: number): Kept {
    const { whole, ids } = readHead(page);
    const start = offsets[0] as number;
    if (whole && from === 0 && to + 1 === offsets.length) {
      const first = Buffer.from(pathAt(page, start, offsets[1] as number));
      return { whole: { first, head: Buffer.from(page.subarray(0, start)), packed } };
    }
    const builder = new PageBuilder();
    for (let i = from; i < to; i++) {
      builder.add(readEntryAt(page, offsets[i] as number, offsets[i + 1] as number, ids));
    }
    return { kept: builder.finish(undefined) };
  }
}

const SLASH = 0x2f;

function startsWith(path: Buffer, start: Buffer): boolean {
  return path.length > start.length && path.compare(start, 0, start.length, 0, start.length) === 0;
}

/** A page that cannot be understood is as good as lost. */
function wellFormed(read: ReadPage | undefined): Page | undefined {
  if (read === undefined) return undefined;
  try {
    return { ...read, offsets: entryOffsets(read.page) };
  } catch {
    return undefined;
  }
}

function decodeFirstName(encoded: Buffer): Buffer | undefined {
  return glanceEntry(encoded).hardLink ? decodeEntry(encoded).hardLink : undefined;
}
