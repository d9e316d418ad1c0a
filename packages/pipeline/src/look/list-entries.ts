import type { Entry } from '@sealift/wire';
import { fail } from '../failures.ts';
import type { TreeReader } from '../tree/tree-reader.ts';
import { describeEntry } from './describe-entry.ts';
import { type LookOptions, lookInto } from './look-into.ts';

export interface ListOptions extends LookOptions {
  /** The folder in the tree; empty for its roots. */
  path: Buffer;
  limit: number;
  /** From the page before. */
  cursor?: Buffer;
}

/** One page of the direct contents of a folder of a recovery point. Only the pages of the tree in question are read. */
export async function listEntries(
  options: ListOptions,
  signal: AbortSignal,
): Promise<{ entries: Entry[]; next?: Buffer }> {
  return lookInto(options, signal, async ({ tree }) => {
    if (options.path.length > 0) await demandFolder(tree, options.path);
    const entries: Entry[] = [];
    for await (const entry of tree.children(options.path, options.cursor)) {
      if (entries.length === options.limit) return { entries, next: entries.at(-1)?.path as Buffer };
      entries.push(describeEntry(entry));
    }
    return { entries };
  });
}

/** @throws Failure `not-found` */
export async function demandFolder(tree: TreeReader, path: Buffer): Promise<void> {
  const entry = await tree.find(path);
  if (entry?.kind === 'directory') return;
  const what = entry === undefined ? 'holds nothing named' : 'holds no folder but something else named';
  throw fail('not-found', `The recovery point ${what} ${path.toString()}.`);
}
