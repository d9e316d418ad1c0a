import { chmodSync, closeSync, fchmodSync, fchownSync } from 'node:fs';
import { chownAt, O_PATH, openAt, pathAt } from '../posix/names.ts';
import { setMtimeAt, setMtimeOf } from '../posix/times.ts';
import type { Located } from './destination.ts';
import type { MetadataTarget } from './metadata.ts';

export function openFileTarget(fd: number): MetadataTarget {
  return {
    xattrs: fd,
    chown: (uid, gid) => fchownSync(fd, uid, gid),
    chmod: (mode) => fchmodSync(fd, mode),
    setMtime: (mtimeNs) => setMtimeOf(fd, mtimeNs),
  };
}

export function linkTarget({ directory, name }: Located): MetadataTarget {
  return {
    xattrs: pathAt(directory, name),
    chown: (uid, gid) => chownAt(directory, name, uid, gid),
    setMtime: (mtimeNs) => setMtimeAt(directory, name, mtimeNs),
  };
}

/** A FIFO or device node, which must not be opened to be changed. */
export function nodeTarget(located: Located): MetadataTarget {
  return { ...linkTarget(located), chmod: (mode) => chmodNode(located, mode) };
}

/** By a handle to the node itself: a mode change by name would follow a link put in its place. */
function chmodNode({ directory, name }: Located, mode: number): void {
  const handle = openAt(directory, name, O_PATH);
  try {
    chmodSync(`/proc/self/fd/${handle}`, mode);
  } finally {
    closeSync(handle);
  }
}
