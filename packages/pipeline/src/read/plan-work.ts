import type { Kept } from '../cache/known-pages.ts';
import { MIN_CHUNK } from '../chunk/content-defined.ts';
import type { FoundEntry } from './walk-messages.ts';

/**
 * What the walk found, in tree order: an entry to be read, entries that are unchanged since the last run, a path whose
 * entry cannot be kept, or that more is missing than can be told.
 */
export type Walked = { entry: FoundEntry } | Kept | { missing: Buffer } | { unlisted: true };

/** What one worker does at a time: many small entries, or one stretch of something large. */
export type WorkUnit =
  | { kind: 'batch'; items: Walked[] }
  | { kind: 'stretch'; entry: FoundEntry; offset: number; length: number; first: boolean; last: boolean };

const MOST_ENTRIES = 512;
const MOST_BATCH_BYTES = 1024 * 1024;
/** Long enough that cutting a file here costs dedup next to nothing, short enough to spread one file over all cores. */
export const STRETCH_BYTES = 256 * 1024 * 1024;

/** Groups what was found, in tree order, into units of work in the same order. */
export async function* planWork(
  walked: AsyncIterable<Walked> | Iterable<Walked>,
): AsyncGenerator<WorkUnit, void, undefined> {
  let items: Walked[] = [];
  let bytes = 0;
  for await (const item of walked) {
    const large = 'entry' in item && isLarge(item.entry);
    const weight = weightOf(item);
    if (items.length > 0 && (large || items.length >= MOST_ENTRIES || bytes + weight > MOST_BATCH_BYTES)) {
      yield { kind: 'batch', items };
      items = [];
      bytes = 0;
    }
    if (large) {
      yield* stretchesOf(item.entry);
    } else {
      items.push(item);
      bytes += weight;
    }
  }
  if (items.length > 0) yield { kind: 'batch', items };
}

/** Bytes to be read, or of what is known. */
function weightOf(item: Walked): number {
  if ('entry' in item) return hasContent(item.entry) ? item.entry.size : 0;
  if ('kept' in item) return item.kept.length;
  return 'whole' in item ? item.whole.packed.length + item.whole.head.length : 0;
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
