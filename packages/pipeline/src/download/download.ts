import type { TreeEntry } from '@sealift/repository';
import type { ArchiveFormat, DownloadHead, DownloadPart } from '@sealift/wire';
import { fail } from '../failures.ts';
import { type LookOptions, lookInto } from '../look/look-into.ts';
import type { OpenPoint } from '../restore.ts';
import { ContentReader } from './content-reader.ts';
import { selectForArchive } from './selected.ts';
import { tarArchive } from './tar-archive.ts';
import { plainContent } from './whole-content.ts';
import { zipArchive } from './zip-archive.ts';

export interface DownloadOptions extends LookOptions {
  /** A file or a folder. */
  path: Buffer;
  format: ArchiveFormat;
}

/**
 * Opens a point and hands the parts of a file, or of an archive of a folder, to `send`, head first. What is wrong with the
 * request fails before `send` is called; what is damaged in an archive is a warning among the parts.
 */
export function download(
  options: DownloadOptions,
  signal: AbortSignal,
  send: (parts: AsyncIterable<DownloadPart>) => Promise<void>,
): Promise<void> {
  return lookInto(options, signal, async (point) => {
    const top = await demandEntry(point, options.path);
    const head = headOf(top, options.format);
    await send(partsOf(point, top, head, signal));
  });
}

/** A further name of a file stands for the file. */
async function demandEntry({ tree }: OpenPoint, path: Buffer): Promise<TreeEntry> {
  const entry = await tree.find(path);
  if (entry === undefined) throw fail('not-found', `The recovery point holds nothing named ${path.toString()}.`);
  if (entry.hardLink === undefined) return entry;
  const first = await tree.find(entry.hardLink);
  return first === undefined ? entry : { ...first, path };
}

function headOf({ kind, size, content }: TreeEntry, wanted: ArchiveFormat): DownloadHead {
  const auto = content === undefined ? 'tar' : 'file';
  const format = wanted === 'auto' ? auto : wanted;
  if (format === 'file' && content === undefined) {
    throw fail('not-a-file', `What is to be downloaded is a ${kind}, which has no content of its own.`);
  }
  return { kind, format, ...(format === 'file' ? { size } : {}) };
}

async function* partsOf(
  point: OpenPoint,
  top: TreeEntry,
  head: DownloadHead,
  signal: AbortSignal,
): AsyncGenerator<DownloadPart, void, undefined> {
  yield { kind: 'head', head };
  const reader = new ContentReader(point);
  if (head.format === 'file') {
    yield* plainContent(top, reader, signal);
    return;
  }
  const archive = head.format === 'tar' ? tarArchive : zipArchive;
  const entries = selectForArchive(point, top, reader, { hardLinks: head.format === 'tar', signal });
  yield* archive(entries, reader, signal);
}
