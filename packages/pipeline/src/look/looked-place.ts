import { chunkOpener } from '../decrypt/chunk-opener.ts';
import { ContentReader } from '../download/content-reader.ts';
import { fail } from '../failures.ts';
import { PointDisk } from '../instant/point-disk.ts';
import type { OpenPoint } from '../restore.ts';
import { DiskTree, type OnDamage } from './disk-tree.ts';
import type { Contents, LookedTree } from './looked-tree.ts';

/** What is looked at in a point: a path, or with `inside` a path in the filesystems of the disk that `path` names. */
export interface LookedPlace {
  path: Buffer;
  /** Empty for the top of the disk: its partitions, or the filesystem that takes all of it. */
  inside?: Buffer;
}

export interface Looked {
  tree: LookedTree;
  contents: Contents;
  /** In `tree`. */
  path: Buffer;
}

/** @param onDamage told of what is damaged inside a disk */
export async function lookAtPlace(
  point: OpenPoint,
  { path, inside }: LookedPlace,
  onDamage: OnDamage,
  signal: AbortSignal,
): Promise<Looked> {
  if (inside === undefined) return { tree: point.tree, contents: new ContentReader(point), path };
  const found = await point.tree.find(path);
  const entry = found?.hardLink === undefined ? found : await point.tree.find(found.hardLink);
  if (entry === undefined) throw fail('not-found', `The recovery point holds nothing named ${path}.`);
  if (entry.content === undefined) throw fail('not-a-disk', `${path} is a ${entry.kind} and no disk.`);
  const disk = await PointDisk.open(entry, '', point.source, chunkOpener(point.keys));
  const tree = await DiskTree.open(disk, onDamage, signal);
  return { tree, contents: tree, path: inside };
}

/** For looks that damage ends. */
export function throwDamage(_: Buffer, thrown: unknown): never {
  throw thrown;
}
