import type { EntryResource } from '@sealift/wire';
import { type ShownPlace, showPathIn } from './entry-path.ts';
import { printable } from './printable.ts';
import { formatBytes, formatTime } from './units.ts';

const KIND_LETTER: Record<EntryResource['kind'], string> = {
  file: '-',
  directory: 'd',
  symlink: 'l',
  fifo: 'p',
  socket: 's',
  character: 'c',
  block: 'b',
};

/** One line for people: kind, permissions, owner, size, time and path, as it is named on the command line. */
export function formatEntry(entry: EntryResource, place: ShownPlace = { path: '' }): string {
  const permissions = entry.mode.toString(8).padStart(4, '0');
  const owner = `${entry.uid}:${entry.gid}`;
  const target = entry.linkTarget === undefined ? '' : ` -> ${printable(entry.linkTarget)}`;
  const lies = entry.filesystem === undefined ? '' : `  (${printable(entry.filesystem)})`;
  const size = formatBytes(entry.size).padStart(9);
  const head = `${KIND_LETTER[entry.kind]} ${permissions} ${owner.padEnd(11)} ${size}`;
  return `${head}  ${modifiedAt(entry)}  ${showPathIn(place, entry)}${target}${lies}`;
}

/** Times that no calendar reaches come from damaged clocks; they are shown as they are. */
export function modifiedAt({ mtimeNs }: EntryResource): string {
  const milliseconds = Number(BigInt(mtimeNs) / 1_000_000n);
  return Math.abs(milliseconds) <= 8.64e15 ? formatTime(milliseconds) : `${mtimeNs} ns`;
}
