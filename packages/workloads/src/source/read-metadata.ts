import type { FoundEntry } from '../entry.ts';
import { AT_FDCWD } from '../posix/libc.ts';
import { pathAt } from '../posix/names.ts';
import { type FileStatus, readLinkAt } from '../posix/stat.ts';
import { getXattr, listXattrs, mayHaveXattrs } from '../posix/xattrs.ts';

/** Where an entry is: its name within an open directory, its path in the tree and its absolute path. */
export interface Place {
  /** AT_FDCWD for the root of a source, whose name is its absolute path. */
  directory: number;
  name: Buffer;
  tree: Buffer;
  absolute: Buffer;
}

/** Everything a tree keeps about the entry except hard links, which only the walk can see. */
export function readMetadata(place: Place, status: FileStatus, settled: boolean): FoundEntry {
  const { kind, mode, uid, gid, mtimeNs, ctimeNs, device, inode, size, links } = status;
  const entry: FoundEntry = {
    path: place.tree,
    kind,
    mode,
    uid,
    gid,
    mtimeNs,
    size: kind === 'file' ? size : 0,
    source: { device, inode, size, mtimeNs, ctimeNs, path: place.absolute, links, settled },
  };
  if (kind === 'symlink') entry.linkTarget = readLinkAt(place.directory, place.name);
  if (kind === 'block' || kind === 'character') entry.device = status.node;
  // The absolute path is the quicker one but could be led elsewhere meanwhile, so values are never read through it.
  const xattrs = mayHaveXattrs(place.absolute) ? readXattrs(securePath(place)) : [];
  if (xattrs.length > 0) entry.xattrs = xattrs;
  return entry;
}

function securePath({ directory, name }: Place): Buffer {
  return directory === AT_FDCWD ? name : pathAt(directory, name);
}

function readXattrs(path: Buffer): [name: Buffer, value: Buffer][] {
  const xattrs: [Buffer, Buffer][] = [];
  for (const name of listXattrs(path)) {
    const value = getXattr(path, name);
    if (value !== undefined) xattrs.push([name, value]);
  }
  return xattrs;
}
