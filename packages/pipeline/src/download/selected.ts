import { orderedParallel, toFailure } from '@sealift/core';
import type { TreeEntry } from '@sealift/repository';
import type { DownloadPart } from '@sealift/wire';
import { entriesBelow } from '../look/find-entries.ts';
import type { OpenPoint } from '../restore.ts';
import type { ContentReader, Stretch } from './content-reader.ts';

/** Files up to this size are read whole before anything is said of them, so that a damaged one can be left out. */
const SMALL = 1024 * 1024;
const SMALL_AHEAD = 16;

/** An entry of an archive: under its name there, and with its content if that was read already. */
export interface Selected {
  entry: TreeEntry;
  content?: Stretch[];
  /** Why it cannot be in the archive. */
  missed?: Extract<DownloadPart, { kind: 'warning' }>;
}

/**
 * What lies at and below a path, in tree order, named from there. A further name of a file whose first name is not among
 * them, or that must have its own content anyway, comes with the content.
 */
export async function* selectForArchive(
  point: OpenPoint,
  top: TreeEntry,
  reader: ContentReader,
  { hardLinks, signal }: { hardLinks: boolean; signal: AbortSignal },
): AsyncGenerator<Selected, void, undefined> {
  const cut = top.path.lastIndexOf('/') + 1;
  const within = (path: Buffer) => path.length >= top.path.length && path.subarray(0, top.path.length).equals(top.path);
  yield* orderedParallel(withTop(point, top), SMALL_AHEAD, async (found) => {
    const linked = found.hardLink !== undefined && hardLinks && within(found.hardLink);
    const entry = linked || found.hardLink === undefined ? found : await withContent(point, found, found.hardLink);
    const named = { ...entry, path: entry.path.subarray(cut) };
    if (linked) named.hardLink = (found.hardLink as Buffer).subarray(cut);
    return entry.content !== undefined && entry.size <= SMALL
      ? await readWhole(named, reader, signal)
      : { entry: named };
  });
}

async function* withTop({ tree }: OpenPoint, top: TreeEntry): AsyncGenerator<TreeEntry, void, undefined> {
  yield top;
  if (top.kind === 'directory') yield* entriesBelow(tree, top.path);
}

async function withContent({ tree }: OpenPoint, entry: TreeEntry, first: Buffer): Promise<TreeEntry> {
  const { hardLink: _, ...whole } = (await tree.find(first)) ?? entry;
  return { ...whole, path: entry.path };
}

async function readWhole(entry: TreeEntry, reader: ContentReader, signal: AbortSignal): Promise<Selected> {
  try {
    return { entry, content: await Array.fromAsync(reader.read(entry, signal)) };
  } catch (thrown) {
    return { entry, missed: missed(entry, thrown) };
  }
}

/** Damage costs the file it is in; anything else ends the download. */
export function missed({ path }: TreeEntry, thrown: unknown): Extract<DownloadPart, { kind: 'warning' }> {
  const { kind, code, message } = toFailure(thrown);
  if (kind !== 'corrupt') throw thrown;
  return { kind: 'warning', path, code, message };
}
