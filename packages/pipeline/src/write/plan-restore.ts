import type { Segment, TreeEntry } from '@sealift/repository';

/** A small file whose whole content is one member of a bundle. */
export interface MemberFile {
  entry: TreeEntry;
  bundle: Buffer;
  ordinal: number;
}

/** Entries, consecutive in tree order, that are restored together. */
export interface RestoreUnit {
  directories: TreeEntry[];
  /** Links and nodes. */
  places: TreeEntry[];
  empty: TreeEntry[];
  members: MemberFile[];
  /** Files restored piece by piece. */
  large: TreeEntry[];
  lastPath: Buffer;
}

const MOST_ENTRIES = 2048;
const MOST_BYTES = 16 * 1024 * 1024;

/** Groups the entries of a tree into units of bounded size; a folder comes in the unit of its contents or before. */
export async function* planRestore(entries: AsyncIterable<TreeEntry>): AsyncGenerator<RestoreUnit, void, undefined> {
  let unit = emptyUnit();
  let count = 0;
  let bytes = 0;
  for await (const entry of entries) {
    addTo(unit, entry);
    count++;
    bytes += entry.size;
    if (count < MOST_ENTRIES && bytes < MOST_BYTES) continue;
    yield unit;
    unit = emptyUnit();
    count = 0;
    bytes = 0;
  }
  if (count > 0) yield unit;
}

function emptyUnit(): RestoreUnit {
  return { directories: [], places: [], empty: [], members: [], large: [], lastPath: Buffer.alloc(0) };
}

function addTo(unit: RestoreUnit, entry: TreeEntry): void {
  unit.lastPath = entry.path;
  if (entry.kind === 'directory') unit.directories.push(entry);
  else if (entry.content === undefined) unit.places.push(entry);
  else if (entry.size === 0) unit.empty.push(entry);
  else addFile(unit, entry);
}

function addFile(unit: RestoreUnit, entry: TreeEntry): void {
  const only = onlySegment(entry);
  if (only?.kind !== 'member' || entry.disk) unit.large.push(entry);
  else unit.members.push({ entry, bundle: only.bundle, ordinal: only.ordinal });
}

function onlySegment({ content }: TreeEntry): Segment | undefined {
  return content !== undefined && 'inline' in content && content.inline.length === 1 ? content.inline[0] : undefined;
}
