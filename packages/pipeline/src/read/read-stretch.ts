import { CHUNK_TYPE } from '@sealift/crypto';
// Not the whole package: loading it would take each thread longer than many a backup.
import { decodeSegments, encodeSegments, type Segment } from '@sealift/repository/segments';
import { ImageReader, openSource, SourceFile } from '@sealift/workloads';
import { type Chunker, MAX_CHUNK } from '../chunk/content-defined.ts';
import { DISK_CHUNK, fixedChunker, isZero } from '../chunk/fixed.ts';
import { asBuffer, ownBuffer } from '../threads/channel.ts';
import type { ChunkMaker } from './chunk-maker.ts';
import { problemOf } from './problems.ts';
import { readChanges } from './read-changes.ts';
import type { SlabPool } from './slab-pool.ts';
import type { FileProblem, StretchResult, StretchWork } from './thread-messages.ts';

export interface StretchTools {
  chunks: ChunkMaker;
  slabs: SlabPool;
  /** For buffers of up to the size of a slab. */
  contentChunker: Chunker;
}

interface Range {
  kind: 'data' | 'hole';
  offset: number;
  length: number;
}

/** Reads one stretch of a large file or disk: holes are skipped, data is chunked, and what the target lacks is sent. */
export async function readStretch(work: StretchWork, tools: StretchTools): Promise<StretchResult> {
  const segments: Segment[] = [];
  try {
    await using file = await openStretch(work);
    const read = (part: { offset: number; length: number }) => readRanges(file, { ...work, ...part }, tools);
    if (work.known !== undefined && file instanceof ImageReader) {
      const known = decodeSegments(asBuffer(work.known));
      segments.push(...(await readChanges(file, known, work, tools.chunks, read)));
    } else {
      segments.push(...(await read(work)));
    }
    const problem = file instanceof SourceFile ? changeOf(file, work) : undefined;
    return {
      segments: ownBuffer(encodeSegments(segments)),
      lost: false,
      ...(problem === undefined ? {} : { problem }),
    };
  } catch (thrown) {
    const problem = problemOf(thrown);
    if (problem === undefined) throw thrown;
    return { segments: ownBuffer(encodeSegments([])), lost: true, problem };
  }
}

async function readRanges(file: Readable, work: StretchWork, tools: StretchTools): Promise<Segment[]> {
  const segments: Segment[] = [];
  for await (const range of rangesWithin(file, work)) {
    if (range.kind === 'hole') segments.push({ kind: 'hole', length: range.length });
    else segments.push(...(await readData(file, range, work, tools)));
  }
  return segments;
}

type Readable = SourceFile | ImageReader;

async function openStretch({ path, nbd }: StretchWork): Promise<Readable & (AsyncDisposable | Disposable)> {
  return nbd === undefined ? openSource(asBuffer(path)) : await ImageReader.connect(nbd);
}

const CHANGED = { code: 'changed', message: 'it changed while it was read' } as const;
const SHRUNK = { code: 'changed', message: 'it became shorter while it was read' } as const;

/** A disk may be written to meanwhile; a shorter one has lost something that is not zeros. */
function changeOf(file: SourceFile, { disk, found }: StretchWork): FileProblem | undefined {
  if (disk) return file.shorterThan(found.size) ? SHRUNK : undefined;
  return file.changedSince(found) ? CHANGED : undefined;
}

/** The data and the holes of the stretch. On disks, data is widened to whole chunks, so that they stay aligned. */
async function* rangesWithin(file: Readable, { offset, length, disk }: StretchWork): AsyncGenerator<Range> {
  const end = offset + length;
  let at = offset;
  for await (const segment of file.segments(offset, end)) {
    if (segment.kind === 'hole') continue;
    const from = disk ? Math.max(at, roundDown(segment.offset, offset)) : segment.offset;
    const to = disk ? Math.min(end, roundUp(segment.offset + segment.length, offset)) : segment.offset + segment.length;
    if (from > at) yield { kind: 'hole', offset: at, length: from - at };
    if (to > from) yield { kind: 'data', offset: from, length: to - from };
    at = Math.max(at, to);
  }
  if (end > at) yield { kind: 'hole', offset: at, length: end - at };
}

function roundDown(position: number, base: number): number {
  return position - ((position - base) % DISK_CHUNK);
}

function roundUp(position: number, base: number): number {
  return roundDown(position + DISK_CHUNK - 1, base);
}

/** Reads ahead by as many slabs as there are: while the target thinks about one, the next is read and chunked. */
async function readData(file: Readable, range: Range, work: StretchWork, tools: StretchTools): Promise<Segment[]> {
  const chunker = work.disk ? fixedChunker(DISK_CHUNK) : tools.contentChunker;
  const end = range.offset + range.length;
  const done: Promise<Segment[]>[] = [];
  for (let at = range.offset; at < end; ) {
    const slab = await tools.slabs.acquire();
    const wanted = Math.min(slab.length, end - at);
    const start = performance.now();
    const filled = await file.readAt(at, slab.subarray(0, wanted));
    tools.chunks.clock.add('read', performance.now() - start);
    const data = slab.subarray(0, filled);
    const last = filled < wanted || at + filled >= end;
    const cuts = tools.chunks.clock.time('chunk', () => chunker(data, last));
    tools.chunks.countRead(cuts.at(-1) ?? 0);
    const stored = storeSlab(data, cuts, work.disk, tools.chunks).finally(() => tools.slabs.release(slab));
    stored.catch(() => {});
    done.push(stored);
    if (last) break;
    at += cuts.at(-1) as number;
  }
  return (await Promise.all(done)).flat();
}

async function storeSlab(data: Buffer, cuts: number[], skipZeros: boolean, chunks: ChunkMaker): Promise<Segment[]> {
  const plaintexts = cuts.map((end, i) => data.subarray(cuts[i - 1] ?? 0, end));
  const kept = plaintexts.filter((plaintext) => !(skipZeros && isZero(plaintext)));
  const ids = await chunks.storeAll(CHUNK_TYPE.data, kept);
  const idOf = new Map(kept.map((plaintext, i) => [plaintext, ids[i] as Buffer]));
  return plaintexts.map((plaintext) => {
    const id = idOf.get(plaintext);
    return id === undefined
      ? { kind: 'hole', length: plaintext.length }
      : { kind: 'chunk', length: plaintext.length, id };
  });
}

/** A slab holds at least one chunk of the greatest size, so that every slab but the last has a cut. */
export const SLAB_BYTES = 1.5 * MAX_CHUNK;
