import { decodeSegmentNode, decodeSegments, pageKind, type Segment, type TreeEntry } from '@sealift/repository';
import { fail } from '../failures.ts';

/** A segment and where it begins. */
export type PlacedSegment = Segment & { offset: number };

interface Page {
  offset: number;
  length: number;
  /** Undefined: the segments stand in the entry itself. */
  id: Buffer | undefined;
}

const MOST_LEVELS = 16;
/** Pages of segments in memory, decoded: some 8,192 segments each, 100 bytes a segment. */
const PAGES_KEPT = 8;

/** Finds the segments of a range of a file of any size, reading the pages of its map as they are needed. */
export class SegmentMap {
  readonly #readPage: (id: Buffer) => Promise<Buffer>;
  readonly #pages: Page[];
  readonly #decoded = new Map<Page, PlacedSegment[]>();

  private constructor(readPage: (id: Buffer) => Promise<Buffer>, pages: Page[]) {
    this.#readPage = readPage;
    this.#pages = pages;
  }

  /** Reads the inner nodes, 40 bytes for some gigabytes of the file. @throws Failure `tree-damaged` */
  static async open(entry: TreeEntry, readPage: (id: Buffer) => Promise<Buffer>): Promise<SegmentMap> {
    const { content, size } = entry;
    if (content === undefined) throw fail('not-a-disk', `${entry.path} has no content that could be served.`);
    if ('inline' in content) {
      const whole = { offset: 0, length: size, id: undefined };
      const map = new SegmentMap(readPage, [whole]);
      map.#decoded.set(whole, placed(content.inline, whole));
      return map;
    }
    const pages: Page[] = [];
    await addPages(pages, { offset: 0, length: size, id: content.pages }, readPage, MOST_LEVELS);
    return new SegmentMap(readPage, pages);
  }

  /** The segments that the range touches, in order. */
  async *within(offset: number, length: number): AsyncGenerator<PlacedSegment, void, undefined> {
    const end = offset + length;
    for (let i = lastAtOrBefore(this.#pages, offset); i < this.#pages.length; i++) {
      const page = this.#pages[i] as Page;
      if (page.offset >= end) return;
      const segments = await this.#segmentsOf(page);
      for (let at = lastAtOrBefore(segments, offset); at < segments.length; at++) {
        const segment = segments[at] as PlacedSegment;
        if (segment.offset >= end) return;
        yield segment;
      }
    }
  }

  async #segmentsOf(page: Page): Promise<PlacedSegment[]> {
    const known = this.#decoded.get(page);
    if (known !== undefined || page.id === undefined) return known ?? [];
    const segments = placed(decodeSegments(await this.#readPage(page.id)), page);
    this.#decoded.set(page, segments);
    for (const oldest of this.#decoded.keys()) {
      if (this.#decoded.size <= PAGES_KEPT) break;
      this.#decoded.delete(oldest);
    }
    return segments;
  }
}

async function addPages(
  pages: Page[],
  page: Page & { id: Buffer },
  readPage: (id: Buffer) => Promise<Buffer>,
  level: number,
): Promise<void> {
  if (level === 0) throw fail('tree-damaged', 'The segment pages of a file are nested too deeply.');
  const plaintext = await readPage(page.id);
  if (pageKind(plaintext) === 'segments') {
    pages.push(page);
    return;
  }
  const node = decodeSegmentNode(plaintext);
  let { offset } = page;
  for (const { length, id } of node.children) {
    const child = { offset, length, id };
    // Directly above the pages nothing has to be read to know where they are.
    if (node.level === 1) pages.push(child);
    else await addPages(pages, child, readPage, level - 1);
    offset += length;
  }
  if (offset !== page.offset + page.length) throw contradiction();
}

function placed(segments: Segment[], page: Page): PlacedSegment[] {
  let { offset } = page;
  const result = segments.map((segment) => {
    const at = { ...segment, offset };
    offset += segment.length;
    return at;
  });
  if (offset !== page.offset + page.length) throw contradiction();
  return result;
}

function contradiction(): Error {
  return fail('tree-damaged', 'The segments of a file do not add up to its size.');
}

/** Index of the last item that does not begin beyond `offset`; items are sorted and the first begins at or before it. */
function lastAtOrBefore(items: { offset: number }[], offset: number): number {
  let low = 0;
  let high = items.length;
  while (high - low > 1) {
    const middle = (low + high) >>> 1;
    if ((items[middle] as { offset: number }).offset <= offset) low = middle;
    else high = middle;
  }
  return low;
}
