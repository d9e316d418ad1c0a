import { statPath } from '../posix/stat.ts';
import { runTool } from '../volumes/run-tool.ts';

/** Of the root of every subvolume. */
const SUBVOLUME_INODE = 256n;

export async function makeBtrfsSnapshot(subvolume: string, at: string, signal?: AbortSignal): Promise<void> {
  await runTool('btrfs', ['subvolume', 'snapshot', '-r', '--', subvolume, at], signal);
}

/** Nothing, where there is none any more. */
export async function removeBtrfsSnapshot(path: string): Promise<void> {
  if (isSubvolume(path)) await runTool('btrfs', ['subvolume', 'delete', '--', path]);
}

export function isSubvolume(path: string): boolean {
  try {
    return statPath(Buffer.from(path)).inode === SUBVOLUME_INODE;
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw thrown;
  }
}
