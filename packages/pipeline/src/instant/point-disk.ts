import { CHUNK_TYPE } from '@sealift/crypto';
import type { TreeEntry } from '@sealift/repository';
import type { DiskPiece, ReadableDisk } from '@sealift/workloads';
import type { ChunkOpener } from '../decrypt/chunk-opener.ts';
import { fail } from '../failures.ts';
import type { PointSource } from '../transfer/point-source.ts';
import { ChunkCache } from './chunk-cache.ts';
import { type PlacedSegment, SegmentMap } from './segment-map.ts';

/** Opened chunks of one disk in memory: those used last, and those on their way. */
const KEPT_BYTES = 32 * 1024 * 1024;
const FETCHING_BYTES = 16 * 1024 * 1024;
/** Extents that one question about allocation looks at. */
const MOST_EXTENTS = 1024;

/** A disk of a recovery point, read from wherever its chunks are, only where somebody reads it. */
export class PointDisk implements ReadableDisk {
  readonly name: string;
  readonly description: string;
  readonly size: number;
  /** Chunks and pages of its map fetched so far. */
  fetched = 0;
  readonly #map: SegmentMap;
  readonly #chunks: ChunkCache;

  private constructor(name: string, description: string, size: number, map: SegmentMap, chunks: ChunkCache) {
    this.name = name;
    this.description = description;
    this.size = size;
    this.#map = map;
    this.#chunks = chunks;
  }

  /** @throws Failure `not-a-disk`, `tree-damaged` */
  static async open(entry: TreeEntry, description: string, source: PointSource, open: ChunkOpener): Promise<PointDisk> {
    let disk: PointDisk | undefined;
    const read = async (type: typeof CHUNK_TYPE.data | typeof CHUNK_TYPE.tree, id: Buffer) => {
      if (disk !== undefined) disk.fetched += 1;
      return open(await source.fetch(id), type, id);
    };
    const map = await SegmentMap.open(entry, (id) => read(CHUNK_TYPE.tree, id));
    const chunks = new ChunkCache((id) => read(CHUNK_TYPE.data, id), KEPT_BYTES, FETCHING_BYTES);
    disk = new PointDisk(entry.path.toString(), description, entry.size, map, chunks);
    return disk;
  }

  async *read(offset: number, length: number, signal: AbortSignal): AsyncGenerator<DiskPiece, void, undefined> {
    for await (const segment of this.#map.within(offset, length)) {
      signal.throwIfAborted();
      const from = Math.max(offset, segment.offset);
      const to = Math.min(offset + length, segment.offset + segment.length);
      if (segment.kind === 'hole') yield { length: to - from };
      else yield { length: to - from, data: await this.#dataOf(segment, from, to) };
    }
  }

  async allocation(offset: number, length: number): Promise<{ length: number; hole: boolean }[]> {
    const extents: { length: number; hole: boolean }[] = [];
    for await (const segment of this.#map.within(offset, length)) {
      const from = Math.max(offset, segment.offset);
      const part = Math.min(offset + length, segment.offset + segment.length) - from;
      const hole = segment.kind === 'hole';
      const last = extents.at(-1);
      if (last?.hole === hole) last.length += part;
      else extents.push({ length: part, hole });
      if (extents.length === MOST_EXTENTS) break;
    }
    return extents;
  }

  async #dataOf(segment: PlacedSegment, from: number, to: number): Promise<Buffer> {
    if (segment.kind !== 'chunk') throw fail('not-a-disk', `${this.name} is a small file and no disk.`);
    const chunk = await this.#chunks.get(segment.id, segment.length);
    if (chunk.length !== segment.length) {
      throw fail(
        'tree-damaged',
        `A chunk of ${this.name} has ${chunk.length} bytes where ${segment.length} are wanted.`,
      );
    }
    return chunk.subarray(from - segment.offset, to - segment.offset);
  }
}
