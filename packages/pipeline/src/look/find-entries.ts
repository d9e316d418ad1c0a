import { isUnder } from '@sealift/repository';
import type { Entry, EntryFilter } from '@sealift/wire';
import { contentDigest, describeEntry } from './describe-entry.ts';
import { entryFilter } from './entry-filter.ts';
import { demandFolder } from './list-entries.ts';
import { type LookOptions, lookInto } from './look-into.ts';
import { type LookedPlace, lookAtPlace, throwDamage } from './looked-place.ts';
import type { LookedEntry, LookedTree } from './looked-tree.ts';
import { PageBudget } from './page-budget.ts';

const LONGEST_PATH = 4096;

/** The folder to search in; empty for the whole point, or the whole disk. */
export interface FindOptions extends LookOptions, LookedPlace {
  filter: EntryFilter;
  limit: number;
  /** From the page before. */
  cursor?: Buffer;
}

/**
 * One stretch of a search below a folder: so many entries as are asked for, or as one call may read for. With a `next`
 * there is more to search, whether or not something was found.
 */
export async function findEntries(
  options: FindOptions,
  signal: AbortSignal,
): Promise<{ entries: Entry[]; next?: Buffer }> {
  const wanted = entryFilter(options.filter);
  return lookInto(options, signal, async (point) => {
    const { cursor } = options;
    const { tree, path } = await lookAtPlace(point, options, throwDamage, signal);
    if (path.length > 0 && cursor === undefined) await demandFolder(tree, path);
    return await search(tree, wanted, { ...options, path });
  });
}

async function search(
  tree: LookedTree,
  wanted: (entry: LookedEntry) => boolean,
  { path, cursor, limit }: FindOptions,
): Promise<{ entries: Entry[]; next?: Buffer }> {
  const budget = new PageBudget(tree);
  const entries: Entry[] = [];
  for await (const entry of entriesBelow(tree, path, cursor)) {
    // A longer path cannot be opened by its name on Linux, nor be named in an answer.
    if (entry.path.length > LONGEST_PATH) continue;
    if (wanted(entry)) entries.push(budget.count(describeEntry(entry)));
    if (entries.length === limit || budget.spent) return { entries, next: entry.path };
  }
  return { entries };
}

/** What lies below a folder, in tree order, behind the path `after` if it is given. */
export async function* entriesBelow(
  tree: LookedTree,
  folder: Buffer,
  after?: Buffer,
): AsyncGenerator<LookedEntry, void, undefined> {
  const from = after ?? (folder.length === 0 ? undefined : folder);
  for await (const entry of tree.entries(from)) {
    if (from?.equals(entry.path)) continue;
    if (folder.length > 0 && !isUnder(entry.path, folder)) return;
    yield entry;
  }
}

/** One entry by its path, with a digest of its content; of a further name of a file, that of the first. */
export async function statEntry(options: LookOptions & LookedPlace, signal: AbortSignal): Promise<{ entry?: Entry }> {
  return lookInto(options, signal, async (point) => {
    const { tree, path } = await lookAtPlace(point, options, throwDamage, signal);
    const entry = await tree.find(path);
    if (entry === undefined) return {};
    const first = entry.hardLink === undefined ? entry : await tree.find(entry.hardLink);
    const content = first === undefined ? undefined : contentDigest(first);
    return { entry: { ...describeEntry(entry), ...(content === undefined ? {} : { content }) } };
  });
}
