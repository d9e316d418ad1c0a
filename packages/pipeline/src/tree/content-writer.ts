import { CHUNK_TYPE } from '@sealift/crypto';
import { type ContentMap, encodeSegmentNode, encodeSegments, type Segment } from '@sealift/repository';
import { MOST_IDS } from '../cache/page-builder.ts';
import { IndexLevels, type StoreChunk } from './index-levels.ts';

/** Files of up to this many segments carry them in their tree entry. */
const MOST_INLINE = 1024;
const LEAST_IN_PAGE = 512;
const MOST_IN_PAGE = 8192;
/** A page ends after a segment whose pseudo-random id begins with ten zero bits: a change moves only the page it is in. */
const PAGE_END_MASK = 0xffc0;

/** Collects the segments of one file, in order, spilling them to chunks of their own when there are many. */
export class ContentWriter {
  readonly #store: StoreChunk;
  #segments: Segment[] = [];
  #bytes = 0;
  #pageBytes = 0;
  #pages: IndexLevels<number> | undefined;
  /** Ids of chunks, and of pages and nodes above them; of what is inline nothing yet. */
  #ids: Buffer[] | undefined = [];

  constructor(store: StoreChunk) {
    this.#store = async (type, plaintext) => {
      const id = await store(type, plaintext);
      this.#remember([id]);
      return id;
    };
  }

  /** Ids of all chunks of a finished map, undefined if there are more than can be remembered. */
  get ids(): Buffer[] | undefined {
    if (this.#pages === undefined) this.#remember(idsOf(this.#segments));
    return this.#ids;
  }

  /** Bytes of the file so far. */
  get bytes(): number {
    return this.#bytes;
  }

  async append(segments: Segment[]): Promise<void> {
    for (const segment of segments) {
      this.#push(segment);
      const spilling = this.#pages !== undefined || this.#segments.length > MOST_INLINE;
      if (spilling && endsPage(segment, this.#segments.length)) await this.#spill();
    }
  }

  async finish(): Promise<ContentMap> {
    if (this.#pages === undefined && this.#segments.length <= MOST_INLINE) return { inline: this.#segments };
    if (this.#segments.length > 0) await this.#spill();
    return { pages: await (this.#pages as IndexLevels<number>).finish() };
  }

  /** Holes that meet become one, so that a map does not depend on how the file was read. */
  #push(segment: Segment): void {
    const last = this.#segments.at(-1);
    if (segment.kind === 'hole' && last?.kind === 'hole') last.length += segment.length;
    else this.#segments.push(segment);
    this.#bytes += segment.length;
    this.#pageBytes += segment.length;
  }

  #remember(ids: Buffer[]): void {
    if (this.#ids !== undefined && this.#ids.length + ids.length <= MOST_IDS) this.#ids.push(...ids);
    else this.#ids = undefined;
  }

  async #spill(): Promise<void> {
    this.#pages ??= new IndexLevels<number>({
      store: this.#store,
      encode: (level, children) =>
        encodeSegmentNode({ level, children: children.map(({ key, id }) => ({ length: key, id })) }),
      keyOfNode: (keys) => keys.reduce((sum, length) => sum + length, 0),
    });
    this.#remember(idsOf(this.#segments));
    const page = encodeSegments(this.#segments);
    await this.#pages.add(this.#pageBytes, await this.#store(CHUNK_TYPE.tree, page));
    this.#segments = [];
    this.#pageBytes = 0;
  }
}

/** Ids of the chunks that segments are in. */
export function idsOf(segments: Segment[]): Buffer[] {
  return segments.flatMap((segment) => {
    if (segment.kind === 'hole') return [];
    return [segment.kind === 'chunk' ? segment.id : segment.bundle];
  });
}

function endsPage(segment: Segment, count: number): boolean {
  if (count >= MOST_IN_PAGE) return true;
  if (count < LEAST_IN_PAGE || segment.kind !== 'chunk') return false;
  return (segment.id.readUInt16BE(0) & PAGE_END_MASK) === 0;
}
