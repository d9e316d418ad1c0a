import type { Entry } from '@sealift/wire';
import { fail } from '../failures.ts';
import { describeEntry } from './describe-entry.ts';
import { type LookOptions, lookInto } from './look-into.ts';
import { type LookedPlace, lookAtPlace, throwDamage } from './looked-place.ts';
import type { LookedTree } from './looked-tree.ts';

/** The folder in the tree; empty for its roots. */
export interface ListOptions extends LookOptions, LookedPlace {
  limit: number;
  /** From the page before. */
  cursor?: Buffer;
}

/** One page of the direct contents of a folder of a recovery point. Only the pages of the tree in question are read. */
export async function listEntries(
  options: ListOptions,
  signal: AbortSignal,
): Promise<{ entries: Entry[]; next?: Buffer }> {
  return lookInto(options, signal, async (point) => {
    const { tree, path } = await lookAtPlace(point, options, throwDamage, signal);
    if (path.length > 0) await demandFolder(tree, path);
    const entries: Entry[] = [];
    for await (const entry of tree.children(path, options.cursor)) {
      if (entries.length === options.limit) return { entries, next: entries.at(-1)?.path as Buffer };
      entries.push(describeEntry(entry));
    }
    return { entries };
  });
}

/** @throws Failure `not-found` */
export async function demandFolder(tree: LookedTree, path: Buffer): Promise<void> {
  const entry = await tree.find(path);
  if (entry?.kind === 'directory') return;
  const what = entry === undefined ? 'holds nothing named' : 'holds no folder but something else named';
  throw fail('not-found', `The recovery point ${what} ${path.toString()}.`);
}
