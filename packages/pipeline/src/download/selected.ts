import { orderedParallel, toFailure } from '@sealift/core';
import type { DownloadPart } from '@sealift/wire';
import { entriesBelow } from '../look/find-entries.ts';
import type { Looked } from '../look/looked-place.ts';
import type { LookedEntry, Stretch } from '../look/looked-tree.ts';

/** Files up to this size are read whole before anything is said of them, so that a damaged one can be left out. */
const SMALL = 1024 * 1024;
const SMALL_AHEAD = 16;

/** An entry of an archive: under its name there, and with its content if that was read already. */
export interface Selected {
  entry: LookedEntry;
  content?: Stretch[];
  /** Why it cannot be in the archive. */
  missed?: Extract<DownloadPart, { kind: 'warning' }>;
}

/**
 * What lies at and below a path, in tree order, named from there. A further name of a file whose first name is not among
 * them, or that must have its own content anyway, comes with the content.
 */
export async function* selectForArchive(
  looked: Looked,
  top: LookedEntry,
  { hardLinks, signal }: { hardLinks: boolean; signal: AbortSignal },
): AsyncGenerator<Selected, void, undefined> {
  const cut = top.path.lastIndexOf('/') + 1;
  const within = (path: Buffer) => path.length >= top.path.length && path.subarray(0, top.path.length).equals(top.path);
  yield* orderedParallel(withTop(looked, top), SMALL_AHEAD, async (found) => {
    const linked = found.hardLink !== undefined && hardLinks && within(found.hardLink);
    const entry = linked || found.hardLink === undefined ? found : await withContent(looked, found, found.hardLink);
    const named = { ...entry, path: entry.path.subarray(cut) };
    if (linked) named.hardLink = (found.hardLink as Buffer).subarray(cut);
    return entry.content !== undefined && entry.size <= SMALL
      ? await readWhole(named, looked, signal)
      : { entry: named };
  });
}

async function* withTop({ tree }: Looked, top: LookedEntry): AsyncGenerator<LookedEntry, void, undefined> {
  // The top of a disk has no name.
  if (top.path.length > 0) yield top;
  if (top.kind === 'directory') yield* entriesBelow(tree, top.path);
}

async function withContent({ tree }: Looked, entry: LookedEntry, first: Buffer): Promise<LookedEntry> {
  const { hardLink: _, ...whole } = (await tree.find(first)) ?? entry;
  return { ...whole, path: entry.path };
}

async function readWhole(entry: LookedEntry, { contents }: Looked, signal: AbortSignal): Promise<Selected> {
  try {
    return { entry, content: await Array.fromAsync(contents.read(entry, signal)) };
  } catch (thrown) {
    return { entry, missed: missed(entry, thrown) };
  }
}

/** Damage costs the file it is in; anything else ends the download. */
export function missed(
  { path }: Pick<LookedEntry, 'path'>,
  thrown: unknown,
): Extract<DownloadPart, { kind: 'warning' }> {
  const { kind, code, message } = toFailure(thrown);
  if (kind !== 'corrupt') throw thrown;
  return { kind: 'warning', path, code, message };
}
