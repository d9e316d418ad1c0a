import type { ArchiveFormat, DownloadHead, DownloadPart } from '@sealift/wire';
import { fail } from '../failures.ts';
import { type LookOptions, lookInto } from '../look/look-into.ts';
import { type Looked, type LookedPlace, lookAtPlace } from '../look/looked-place.ts';
import type { LookedEntry } from '../look/looked-tree.ts';
import { missed, selectForArchive } from './selected.ts';
import { tarArchive } from './tar-archive.ts';
import { plainContent } from './whole-content.ts';
import { zipArchive } from './zip-archive.ts';

/** A file or a folder. */
export interface DownloadOptions extends LookOptions, LookedPlace {
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
    const damaged: DownloadPart[] = [];
    const onDamage = (path: Buffer, thrown: unknown) => {
      damaged.push(missed({ path }, thrown));
    };
    const looked = await lookAtPlace(point, options, onDamage, signal);
    const top = await demandEntry(looked);
    const head = headOf(top, options.format);
    await send(partsOf(looked, top, head, { damaged, signal }));
  });
}

/** A further name of a file stands for the file. */
async function demandEntry({ tree, path }: Looked): Promise<LookedEntry> {
  const entry = await tree.find(path);
  if (entry === undefined) throw fail('not-found', `The recovery point holds nothing named ${path.toString()}.`);
  if (entry.hardLink === undefined) return entry;
  const first = await tree.find(entry.hardLink);
  return first === undefined ? entry : { ...first, path };
}

function headOf({ kind, size, content }: LookedEntry, wanted: ArchiveFormat): DownloadHead {
  const auto = content === undefined ? 'tar' : 'file';
  const format = wanted === 'auto' ? auto : wanted;
  if (format === 'file' && content === undefined) {
    throw fail('not-a-file', `What is to be downloaded is a ${kind}, which has no content of its own.`);
  }
  return { kind, format, ...(format === 'file' ? { size } : {}) };
}

async function* partsOf(
  looked: Looked,
  top: LookedEntry,
  head: DownloadHead,
  { damaged, signal }: { damaged: DownloadPart[]; signal: AbortSignal },
): AsyncGenerator<DownloadPart, void, undefined> {
  yield { kind: 'head', head };
  const { contents } = looked;
  if (head.format === 'file') {
    yield* plainContent(top, contents, signal);
    return;
  }
  const archive = head.format === 'tar' ? tarArchive : zipArchive;
  const entries = selectForArchive(looked, top, { hardLinks: head.format === 'tar', signal });
  for await (const part of archive(entries, contents, signal)) {
    yield part;
    yield* damaged.splice(0);
  }
}
