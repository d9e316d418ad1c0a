import { orderedParallel } from '@sealift/core';
import { type Bundle, CHUNK_TYPE, decodeBundle } from '@sealift/crypto';
import type { Segment } from '@sealift/repository';
import { type ChunkOpener, chunkOpener } from '../decrypt/chunk-opener.ts';
import { fail } from '../failures.ts';
import type { Contents, LookedEntry, Stretch } from '../look/looked-tree.ts';
import type { OpenPoint } from '../restore.ts';

/** Chunks that are fetched ahead of the one that is being written; each is mostly about a MiB. */
const AHEAD = 8;
/** Bundles of small files that are kept: consecutive small files are mostly in the same ones. */
const KEPT_BUNDLES = 8;

/** Reads the contents of files of a point, ahead, in bounded memory. */
export class ContentReader implements Contents {
  readonly #point: OpenPoint;
  readonly #open: ChunkOpener;
  readonly #bundles = new Map<string, Promise<Bundle>>();

  constructor(point: OpenPoint) {
    this.#point = point;
    this.#open = chunkOpener(point.keys);
  }

  /** The content of a file from its beginning to its end, exactly as long as the tree says. */
  async *read(entry: LookedEntry, signal: AbortSignal): AsyncGenerator<Stretch, void, undefined> {
    for await (const stretch of orderedParallel(this.segments(entry), AHEAD, (segment) => this.#load(segment))) {
      signal.throwIfAborted();
      yield stretch;
    }
  }

  /** Where the bytes of a file are. */
  async *segments({ content }: LookedEntry): AsyncGenerator<Segment, void, undefined> {
    if (content === undefined || 'inside' in content) return;
    if ('inline' in content) yield* content.inline;
    else yield* this.#point.tree.segments(content.pages);
  }

  async #load(segment: Segment): Promise<Stretch> {
    if (segment.kind === 'hole') return segment;
    const bytes = segment.kind === 'chunk' ? await this.#chunk(segment.id) : await this.#member(segment);
    if (bytes.length < segment.length) throw fail('tree-damaged', 'A chunk is shorter than the tree says.');
    return { kind: 'data', bytes: bytes.subarray(0, segment.length) };
  }

  async #chunk(id: Buffer): Promise<Buffer> {
    return this.#open(await this.#point.source.fetch(id), CHUNK_TYPE.data, id);
  }

  async #member({ bundle: id, ordinal }: Extract<Segment, { kind: 'member' }>): Promise<Buffer> {
    const name = id.toString('latin1');
    const known = this.#bundles.get(name);
    const bundle = known ?? this.#bundle(id);
    // The one that was used longest ago goes.
    this.#bundles.delete(name);
    this.#bundles.set(name, bundle);
    const [oldest] = this.#bundles.keys();
    if (this.#bundles.size > KEPT_BUNDLES && oldest !== undefined) this.#bundles.delete(oldest);
    return (await bundle).contents(ordinal);
  }

  async #bundle(id: Buffer): Promise<Bundle> {
    return decodeBundle(this.#open(await this.#point.source.fetch(id), CHUNK_TYPE.bundle, id));
  }
}
