import { ID_LENGTH } from './limits.ts';
import type { ContentMap, TreeEntry } from './tree-entry.ts';
import { comparePaths, isUnder, pathFlaw } from './tree-path.ts';

/** Why an entry contradicts itself, or undefined. The same rules hold for writing and for reading. */
export function checkEntry(entry: TreeEntry): string | undefined {
  return (
    pathFlaw(entry.path) ??
    numberFlaw(entry) ??
    linkFlaw(entry) ??
    deviceFlaw(entry) ??
    contentFlaw(entry) ??
    xattrFlaw(entry)
  );
}

/** Why `next` cannot directly follow `previous` in a tree, or undefined. */
export function successionFlaw(previous: TreeEntry, next: TreeEntry, compared: number): string | undefined {
  if (compared >= 0) return 'entries out of order';
  if (previous.kind !== 'directory' && isUnder(next.path, previous.path))
    return 'an entry under something that is no directory';
  return undefined;
}

function numberFlaw(entry: TreeEntry): string | undefined {
  if (!Number.isInteger(entry.mode) || entry.mode < 0 || entry.mode > 0o7777) return `mode ${entry.mode}`;
  if (!Number.isSafeInteger(entry.size) || entry.size < 0) return `size ${entry.size}`;
  if (!isU32(entry.uid) || !isU32(entry.gid)) return `owner ${entry.uid}:${entry.gid}`;
  return undefined;
}

function isU32(value: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= 0xffffffff;
}

function linkFlaw(entry: TreeEntry): string | undefined {
  const { linkTarget } = entry;
  if ((entry.kind === 'symlink') !== (linkTarget !== undefined) && entry.hardLink === undefined) {
    return 'a link target where none belongs, or none';
  }
  if (linkTarget !== undefined && (linkTarget.length === 0 || linkTarget.includes(0)))
    return 'an impossible link target';
  return entry.hardLink === undefined ? undefined : hardLinkFlaw(entry, entry.hardLink);
}

function hardLinkFlaw(entry: TreeEntry, first: Buffer): string | undefined {
  if (entry.kind === 'directory') return 'a hard link to a directory';
  if (entry.content !== undefined) return 'a hard link with content of its own';
  if (comparePaths(first, entry.path) === 0) return 'a hard link to itself';
  return pathFlaw(first);
}

function deviceFlaw(entry: TreeEntry): string | undefined {
  const isDevice = entry.kind === 'character' || entry.kind === 'block';
  if (isDevice !== (entry.device !== undefined)) return 'a device number where none belongs, or none';
  if (entry.device !== undefined && !entry.device.every(isU32)) return 'an impossible device number';
  return undefined;
}

function contentFlaw(entry: TreeEntry): string | undefined {
  if (entry.disk && entry.kind !== 'file') return 'a disk image that is no file';
  if (entry.content === undefined) return undefined;
  if (entry.kind !== 'file') return 'content of something that is no file';
  return mapFlaw(entry.content, entry.size);
}

function mapFlaw(content: ContentMap, size: number): string | undefined {
  if ('pages' in content) return content.pages.length === ID_LENGTH ? undefined : 'an id of a wrong length';
  let sum = 0;
  for (const segment of content.inline) sum += segment.length;
  return sum === size ? undefined : `segments of ${sum} bytes for a size of ${size}`;
}

function xattrFlaw(entry: TreeEntry): string | undefined {
  for (const [name] of entry.xattrs ?? []) {
    if (name.length === 0 || name.includes(0)) return 'an impossible xattr name';
  }
  return undefined;
}
