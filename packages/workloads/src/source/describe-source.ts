import { closeSync, realpathSync, type Stats, statSync } from 'node:fs';
import { fail } from '../failures.ts';
import { pathText } from '../path-text.ts';
import { sizeBySeeking } from '../posix/extents.ts';
import { openQuietly } from './open-quietly.ts';

export interface SourceDescription {
  kind: 'tree' | 'disk';
  /** Bytes of content; 0 for a folder, whose size only the walk tells. */
  size: number;
  /** The path with all links resolved. */
  path: Buffer;
}

const DISK_IMAGE = /\.(raw|img)$/i;

/** What a path of a job names: folder or plain file -> tree; block device or `.raw`/`.img` file -> disk. */
export function describeSource(path: Buffer): SourceDescription {
  try {
    const real = realpathSync.native(path, { encoding: 'buffer' });
    const stat = statSync(real);
    if (stat.isBlockDevice()) return { kind: 'disk', size: deviceSize(real), path: real };
    if (stat.isDirectory()) return { kind: 'tree', size: 0, path: real };
    return { kind: kindOfFile(real, stat), size: stat.size, path: real };
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).syscall === undefined) throw thrown;
    throw fail('unreadable', `${pathText(path)}: ${(thrown as Error).message}`, { cause: thrown });
  }
}

function kindOfFile(path: Buffer, stat: Stats): 'tree' | 'disk' {
  if (!stat.isFile()) {
    throw fail('unsupported-source', `${pathText(path)} is neither a folder nor a file nor a block device`);
  }
  return DISK_IMAGE.test(path.toString('latin1')) ? 'disk' : 'tree';
}

function deviceSize(path: Buffer): number {
  const fd = openQuietly(path);
  try {
    return sizeBySeeking(fd);
  } finally {
    closeSync(fd);
  }
}
