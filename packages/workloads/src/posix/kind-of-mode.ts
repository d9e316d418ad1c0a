import type { EntryKind } from '../entry.ts';

const KINDS: Record<number, EntryKind> = {
  1: 'fifo',
  2: 'character',
  4: 'directory',
  6: 'block',
  8: 'file',
  10: 'symlink',
  12: 'socket',
};

/** What a mode with its type bits, as of inode(7), is of. */
export function kindOfMode(mode: number): EntryKind | undefined {
  return KINDS[mode >> 12];
}
