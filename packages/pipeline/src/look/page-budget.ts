import type { Entry } from '@sealift/wire';
import type { LookedTree } from './looked-tree.ts';

/** Most that the names of one answer may take, so that it stays under the frame limit. */
const MOST_BYTES = 512 * 1024;
/** Pages of a tree that one call may read, some 64 MiB of entries, or chunks of a disk, of 1 MiB; each costs a question to the target, and a key. */
const MOST_PAGES = 200;
/** And for how long it may go on, ms: who waits for an empty page wants to see that something is happening. */
const MOST_TIME = 15_000;

/** What one call may read and answer; a search that takes more goes on with the next call. */
export class PageBudget {
  readonly #trees: LookedTree[];
  readonly #until = Date.now() + MOST_TIME;
  #bytes = 0;

  constructor(...trees: LookedTree[]) {
    this.#trees = trees;
  }

  /** An entry that is going to be answered. */
  count(entry: Entry): Entry {
    this.#bytes += entry.path.length + (entry.linkTarget?.length ?? 0) + 128;
    return entry;
  }

  get spent(): boolean {
    const pages = this.#trees.reduce((sum, { pagesRead }) => sum + pagesRead, 0);
    return this.#bytes >= MOST_BYTES || pages > MOST_PAGES || Date.now() > this.#until;
  }
}
