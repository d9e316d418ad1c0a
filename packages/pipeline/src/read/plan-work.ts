import { MIN_CHUNK } from '../chunk/content-defined.ts';
import type { FoundEntry } from './walk-messages.ts';

/** What one worker does at a time: many small entries, or one stretch of something large. */
export type WorkUnit =
  | { kind: 'batch'; entries: FoundEntry[] }
  | { kind: 'stretch'; entry: FoundEntry; offset: number; length: number; first: boolean; last: boolean };

const MOST_ENTRIES = 512;
const MOST_BATCH_BYTES = 1024 * 1024;
/** Long enough that cutting a file here costs dedup next to nothing, short enough to spread one file over all cores. */
export const STRETCH_BYTES = 256 * 1024 * 1024;

/** Groups entries, which come in tree order, into units of work in the same order. */
export async function* planWork(entries: AsyncIterable<FoundEntry>): AsyncGenerator<WorkUnit, void, undefined> {
  let batch: FoundEntry[] = [];
  let bytes = 0;
  for await (const entry of entries) {
    const large = isLarge(entry);
    if (batch.length > 0 && (large || batch.length >= MOST_ENTRIES || bytes + entry.size > MOST_BATCH_BYTES)) {
      yield { kind: 'batch', entries: batch };
      batch = [];
      bytes = 0;
    }
    if (large) {
      yield* stretchesOf(entry);
    } else {
      batch.push(entry);
      bytes += hasContent(entry) ? entry.size : 0;
    }
  }
  if (batch.length > 0) yield { kind: 'batch', entries: batch };
}

/** True for the entries whose bytes are to be read: not for later names of the same file. */
export function hasContent(entry: FoundEntry): boolean {
  return entry.hardLink === undefined && (entry.kind === 'file' || entry.disk === true);
}

function isLarge(entry: FoundEntry): boolean {
  return hasContent(entry) && (entry.disk === true || entry.size >= MIN_CHUNK);
}

function* stretchesOf(entry: FoundEntry): Generator<WorkUnit> {
  for (let offset = 0; offset < entry.size || offset === 0; offset += STRETCH_BYTES) {
    const length = Math.min(STRETCH_BYTES, entry.size - offset);
    yield { kind: 'stretch', entry, offset, length, first: offset === 0, last: offset + length >= entry.size };
  }
}
