import type { KeyObject } from 'node:crypto';
import { cutPrf } from '@sealift/crypto';
import { findCandidates } from './gear.ts';

export const MIN_CHUNK = 256 * 1024;
export const MEAN_CHUNK = 1024 * 1024;
export const MAX_CHUNK = 4 * 1024 * 1024;

/** Bytes before a candidate that decide whether it becomes a cut. */
const WINDOW = 64;
/** Candidates whose PRF is computed in one go. */
const PRF_BATCH = 1024;
/** Chance of a candidate to become a cut, in 2^-32: before the mean 1/128, after it 1/12 (normalised chunking, FastCDC section 3.3). */
const CUT_BEFORE_MEAN = 2 ** 32 / 128;
const CUT_AFTER_MEAN = 2 ** 32 / 12;

/** Finds where to cut: `(bytes, last)` gives the ends of the chunks, ascending. */
export type Chunker = (bytes: Buffer, last: boolean) => number[];

/**
 * Content-defined chunking that shows nothing about content: a plain rolling hash proposes cut points, and a PRF under
 * the chunker key over the 64 bytes before each proposal decides. Without the key, cut positions are pseudo-random.
 *
 * `bytes` must begin at the start of a chunk. Unless it is the `last` buffer of its data, bytes after the last cut
 * belong to a chunk not yet ended: present them again at the start of the next buffer.
 */
export function contentDefinedChunker(cutKey: KeyObject, largestBuffer: number): Chunker {
  const prf = cutPrf(cutKey);
  // Adversarial content can make every byte a candidate. These arrays then hold them all; untouched parts cost nothing.
  const candidates = new Uint32Array(largestBuffer + 1);
  const draws = new Uint32Array(largestBuffer + 1);
  const windows = Buffer.alloc(PRF_BATCH * WINDOW);
  return (bytes, last) => {
    const count = findCandidates(bytes, bytes.length, candidates);
    for (let from = 0; from < count; from += PRF_BATCH) {
      const batch = candidates.subarray(from, Math.min(count, from + PRF_BATCH));
      draws.set(drawBatch(prf, windows, bytes, batch), from);
    }
    return chooseCuts(bytes.length, last, candidates.subarray(0, count), draws);
  };
}

/** One 32-bit draw per candidate; what the window of one within 64 bytes of the start holds does not matter: it is too early to be a cut. */
function drawBatch(
  prf: (windows: Buffer, count: number) => Buffer,
  windows: Buffer,
  bytes: Buffer,
  ends: Uint32Array,
): Uint32Array {
  ends.forEach((end, i) => {
    if (end >= WINDOW) bytes.copy(windows, i * WINDOW, end - WINDOW, end);
  });
  const tags = prf(windows.subarray(0, ends.length * WINDOW), ends.length);
  return Uint32Array.from(ends, (_, i) => tags.readUInt32BE(i * 16));
}

function chooseCuts(length: number, last: boolean, candidates: Uint32Array, draws: Uint32Array): number[] {
  const cuts: number[] = [];
  let start = 0;
  for (let next = 0; start < length; ) {
    while (next < candidates.length && (candidates[next] as number) < start + MIN_CHUNK) next++;
    next = findChosen(start, next, candidates, draws);
    const chosen = candidates[next];
    const cut = chosen !== undefined && chosen <= start + MAX_CHUNK ? chosen : forcedCut(start, length, last);
    if (cut === 0) break;
    cuts.push(cut);
    start = cut;
  }
  return cuts;
}

/** The first candidate, from `next` on, that its draw makes a cut, or the first beyond the greatest size of a chunk. */
function findChosen(start: number, next: number, candidates: Uint32Array, draws: Uint32Array): number {
  let at = next;
  for (; at < candidates.length; at++) {
    const length = (candidates[at] as number) - start;
    if (length > MAX_CHUNK) break;
    if ((draws[at] as number) < (length < MEAN_CHUNK ? CUT_BEFORE_MEAN : CUT_AFTER_MEAN)) break;
  }
  return at;
}

/** A chunk without a chosen cut ends at its greatest size, or with the data. 0: it has not ended yet. */
function forcedCut(start: number, length: number, last: boolean): number {
  if (length - start >= MAX_CHUNK) return start + MAX_CHUNK;
  return last ? length : 0;
}
