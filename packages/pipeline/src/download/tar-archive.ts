import type { DownloadPart } from '@sealift/wire';
import { fitsTar, type TarExtent, tarEnd, tarHeader, tarPadding } from '@sealift/workloads';
import type { Contents, Stretch } from '../look/looked-tree.ts';
import type { Selected } from './selected.ts';
import { wholeContent, zeros } from './whole-content.ts';

/** Stretches of data that are told apart in one file; beyond that, small holes are filled with zeros. */
const MOST_EXTENTS = 65_536;

/** Entries as a tar archive in the pax format, with everything that is known of them. */
export async function* tarArchive(
  entries: AsyncIterable<Selected>,
  reader: Contents,
  signal: AbortSignal,
): AsyncGenerator<DownloadPart, void, undefined> {
  for await (const selected of entries) {
    const { entry, missed } = selected;
    if (missed !== undefined) yield missed;
    else if (!fitsTar(entry)) yield unfit(selected);
    else yield* tarEntry(selected, reader, signal);
  }
  yield { kind: 'data', bytes: tarEnd() };
}

function unfit({ entry: { path, kind } }: Selected): DownloadPart {
  return { kind: 'warning', path, code: 'not-archivable', message: `An archive has no place for a ${kind}.` };
}

async function* tarEntry(
  selected: Selected,
  reader: Contents,
  signal: AbortSignal,
): AsyncGenerator<DownloadPart, void, undefined> {
  const { entry } = selected;
  const extents = entry.content === undefined ? undefined : await sparseExtents(selected, reader);
  yield { kind: 'data', bytes: tarHeader(entry, extents) };
  if (entry.content === undefined) return;
  const stored = extents?.reduce((sum, { length }) => sum + length, 0) ?? entry.size;
  yield* storedBytes(wholeContent(selected, reader, signal), extents ?? [{ offset: 0, length: entry.size }]);
  yield { kind: 'data', bytes: tarPadding(stored) };
}

/** Where a file has data, if it has holes. */
async function sparseExtents({ entry, content }: Selected, reader: Contents): Promise<TarExtent[] | undefined> {
  const extents: TarExtent[] = [];
  let [at, holes] = [0, false];
  for await (const stretch of content ?? reader.segments(entry)) {
    const length = stretch.kind === 'data' ? stretch.bytes.length : stretch.length;
    const last = extents.at(-1);
    if (stretch.kind === 'hole') holes = true;
    else if (last !== undefined && (last.offset + last.length === at || extents.length >= MOST_EXTENTS)) {
      last.length = at + length - last.offset;
    } else {
      extents.push({ offset: at, length });
    }
    at += length;
  }
  return holes ? extents : undefined;
}

/** Of a content, the bytes that lie in `extents`; holes that do are zeros. */
async function* storedBytes(
  content: AsyncIterable<Stretch | Extract<DownloadPart, { kind: 'warning' }>>,
  extents: TarExtent[],
): AsyncGenerator<DownloadPart, void, undefined> {
  const window = new ExtentWindow(extents);
  for await (const part of content) {
    if (part.kind === 'hole') {
      const inside = window.skip(part.length).reduce((sum, length) => sum + length, 0);
      for (const bytes of zeros(inside)) yield { kind: 'data', bytes };
      continue;
    }
    if (part.kind === 'data') window.skip(part.bytes.length);
    yield part;
  }
}

/** Walks through extents as a file is read from its beginning. */
class ExtentWindow {
  readonly #extents: TarExtent[];
  #next = 0;
  #at = 0;

  constructor(extents: TarExtent[]) {
    this.#extents = extents;
  }

  /** Goes on by `length` bytes. @returns how many of them lie in extents, extent by extent */
  skip(length: number): number[] {
    const end = this.#at + length;
    const inside: number[] = [];
    for (let extent = this.#extents[this.#next]; extent !== undefined; extent = this.#extents[this.#next]) {
      const last = extent.offset + extent.length;
      const overlap = Math.min(end, last) - Math.max(this.#at, extent.offset);
      if (overlap > 0) inside.push(overlap);
      if (last > end) break;
      this.#next++;
    }
    this.#at = end;
    return inside;
  }
}
