import { constants, copyFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { FoundEntry } from '../entry.ts';
import { excludeRules } from '../exclude.ts';
import { statPath } from '../posix/stat.ts';
import { walk } from '../source/walk.ts';
import type { Leftovers } from './leftovers.ts';
import { snapshotName } from './snapshot-name.ts';

const MOST_ATTEMPTS = 20;

/**
 * A single file as it was at one instant: a copy beside it that shares its blocks. The kernel makes it with nothing
 * written in between. What is known of the file is that of the original, what is read is the copy.
 *
 * @param path without links
 * @throws errors of the system, where the filesystem cannot do that
 */
export async function cloneFile(
  path: string,
  name: Buffer,
  leftovers: Leftovers,
  held: AsyncDisposableStack,
): Promise<FoundEntry[]> {
  const clone = join(dirname(path), snapshotName());
  held.use(await leftovers.note({ kind: 'file', path: clone }));
  let entry = onlyEntry(path, name);
  for (let attempt = 1; ; attempt++) {
    copyFileSync(path, clone, constants.COPYFILE_FICLONE_FORCE);
    const now = onlyEntry(path, name);
    const same = now.mtimeNs === entry.mtimeNs && now.size === entry.size;
    entry = now;
    // One that never rests keeps the time of the last look; its content is of one instant all the same.
    if (same || attempt === MOST_ATTEMPTS) break;
  }
  const { device, inode, size, mtimeNs, ctimeNs } = statPath(Buffer.from(clone));
  const source = { device, inode, size, mtimeNs, ctimeNs, path: Buffer.from(clone), links: 1, settled: false };
  return [{ ...entry, size, source }];
}

function onlyEntry(path: string, name: Buffer): FoundEntry {
  const [item] = walk(Buffer.from(path), { name, exclude: excludeRules([]) });
  if (item === undefined || !('entry' in item)) throw new Error('a file makes one entry');
  return item.entry;
}
