import type { FoundEntry } from '../entry.ts';
import { excludeRules } from '../exclude.ts';
import { compareTreePaths } from '../path-text.ts';
import { type WalkItem, walk } from '../source/walk.ts';
import { compareContent } from './compare-content.ts';
import { compareMetadata, type Found } from './compare-metadata.ts';

/** One way in which two trees differ. The path is that of the entry below the roots; the roots themselves are `.`. */
export interface Difference {
  path: Buffer;
  what:
    | 'missing'
    | 'extra'
    | 'unreadable'
    | 'kind'
    | 'mode'
    | 'owner'
    | 'mtime'
    | 'size'
    | 'xattrs'
    | 'links'
    | 'target'
    | 'device'
    | 'content'
    | 'holes';
  detail: string;
}

const ROOT = Buffer.from('.');

/**
 * In what the tree at `b` differs from the one at `a`: names, kinds, content, holes lost, mode, owner, modification
 * time in ns, extended attributes (ACLs among them), link targets, which names share an inode, device numbers.
 * Sockets are not compared, for no backup keeps them. Memory does not grow with the size of the trees.
 */
export function* compareTrees(a: string, b: string): Generator<Difference, void, undefined> {
  const left = walk(Buffer.from(a), { name: ROOT, exclude: excludeRules([]) });
  const right = walk(Buffer.from(b), { name: ROOT, exclude: excludeRules([]) });
  try {
    yield* compareWalks(left, right);
  } finally {
    left.return();
    right.return();
  }
}

type Walk = Generator<WalkItem, void, undefined>;

function* compareWalks(left: Walk, right: Walk): Generator<Difference, void, undefined> {
  let x = yield* nextEntry(left);
  let y = yield* nextEntry(right);
  while (x !== undefined || y !== undefined) {
    const order = orderOf(x, y);
    if (order === 0) yield* compareEntries(x as FoundEntry, y as FoundEntry);
    else if (order < 0) yield { path: below(x as FoundEntry), what: 'missing', detail: 'not in the second tree' };
    else yield { path: below(y as FoundEntry), what: 'extra', detail: 'not in the first tree' };
    if (order <= 0) x = yield* nextEntry(left);
    if (order >= 0) y = yield* nextEntry(right);
  }
}

function orderOf(x: FoundEntry | undefined, y: FoundEntry | undefined): number {
  if (x === undefined) return 1;
  return y === undefined ? -1 : compareTreePaths(x.path, y.path);
}

function* nextEntry(from: Walk): Generator<Difference, FoundEntry | undefined, undefined> {
  for (let item = from.next(); item.done !== true; item = from.next()) {
    if ('entry' in item.value) return item.value.entry;
    if (!('warning' in item.value)) continue;
    const { path, code, message } = item.value.warning;
    if (code !== 'socket') yield { path, what: 'unreadable', detail: message };
  }
  return undefined;
}

function* compareEntries(x: FoundEntry, y: FoundEntry): Generator<Difference, void, undefined> {
  const path = below(x);
  let sameSize = true;
  for (const found of compareMetadata(x, y)) {
    sameSize &&= found.what !== 'size';
    yield { path, ...found };
  }
  if (x.kind !== 'file' || y.kind !== 'file' || !sameSize || x.hardLink !== undefined) return;
  for (const found of contentOf(x, y)) yield { path, ...found };
}

function* contentOf(x: FoundEntry, y: FoundEntry): Generator<Found, void, undefined> {
  try {
    yield* compareContent(x.source.path, y.source.path);
  } catch (thrown) {
    yield { what: 'unreadable', detail: (thrown as Error).message };
  }
}

function below(entry: FoundEntry): Buffer {
  return entry.path.length === ROOT.length ? entry.path : entry.path.subarray(ROOT.length + 1);
}
