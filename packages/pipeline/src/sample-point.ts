import { randomInt } from 'node:crypto';
import { CHUNK_TYPE, decodeBundle } from '@sealift/crypto';
import type { Segment, TreeEntry } from '@sealift/repository';
import { chunkOpener } from './decrypt/chunk-opener.ts';
import { fail } from './failures.ts';
import { type LinkToPoint, type OpenPoint, openPoint, type PointOptions, withRestoreSession } from './restore.ts';

export interface SampleOptions extends PointOptions, LinkToPoint {
  /** Files to read from. */
  files: number;
}

export interface Sample {
  files: number;
  chunks: number;
  /** Plaintext. */
  bytes: number;
}

/** Pages of the tree that are looked at: a tree of millions is not walked to choose a handful, and each takes a key. */
const MOST_PAGES = 100;

/**
 * Proves that a recovery point can be opened: decrypts its body and tree, and the beginning of files chosen at random.
 * Nothing is written. @throws Failure the first thing that does not open
 */
export async function samplePoint(options: SampleOptions, signal: AbortSignal): Promise<Sample> {
  return withRestoreSession(options, undefined, signal, async (source) => {
    const point = await openPoint(source, options, (failure) => {
      throw failure;
    });
    const sample = { files: 0, chunks: 0, bytes: 0 };
    for (const entry of await choose(point, options.files)) {
      const bytes = await readBeginning(point, entry);
      if (bytes === undefined) continue;
      sample.files += 1;
      sample.chunks += 1;
      sample.bytes += bytes;
    }
    return sample;
  });
}

/** Files chosen with equal chance among the first of the tree (algorithm R). */
async function choose({ tree }: OpenPoint, count: number): Promise<TreeEntry[]> {
  const chosen: TreeEntry[] = [];
  let seen = 0;
  for await (const entry of tree.entries()) {
    if (tree.pagesRead > MOST_PAGES) break;
    if (entry.kind !== 'file' || entry.size === 0 || entry.hardLink !== undefined) continue;
    seen += 1;
    if (chosen.length < count) chosen.push(entry);
    else if (randomInt(seen) < count) chosen[randomInt(count)] = entry;
  }
  return chosen;
}

/** Only the page of segments that the file begins with is read. */
async function* segmentsOf({ tree }: OpenPoint, { content }: TreeEntry): AsyncGenerator<Segment, void, undefined> {
  if (content === undefined) return;
  if ('inline' in content) yield* content.inline;
  else yield* tree.segments(content.pages);
}

function shorter({ path }: TreeEntry) {
  return fail('tree-damaged', `A chunk of ${path.toString()} is shorter than the tree says.`);
}

/** Bytes of plaintext of the first chunk of a file; undefined for one that is all hole. */
async function readBeginning(point: OpenPoint, entry: TreeEntry): Promise<number | undefined> {
  const { source } = point;
  const open = chunkOpener(point.keys);
  for await (const segment of segmentsOf(point, entry)) {
    if (segment.kind === 'hole') continue;
    if (segment.kind === 'chunk') {
      const plaintext = open(await source.fetch(segment.id), CHUNK_TYPE.data, segment.id);
      if (plaintext.length < segment.length) throw shorter(entry);
      return plaintext.length;
    }
    const bundle = decodeBundle(open(await source.fetch(segment.bundle), CHUNK_TYPE.bundle, segment.bundle));
    const contents = bundle.contents(segment.ordinal);
    if (contents.length < segment.length) throw shorter(entry);
    return contents.length;
  }
  return undefined;
}
