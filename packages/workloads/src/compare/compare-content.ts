import { openSource, type SourceFile } from '../source/source-file.ts';
import type { Found } from './compare-metadata.ts';

const STEP = 1 << 20;
/** Filesystems allocate in steps of their own; a hole lost by less than this is none. */
const HOLE_TOLERANCE = 65_536;

interface Range {
  start: number;
  end: number;
  inX: 'data' | 'hole';
  inY: 'data' | 'hole';
}

/** Compares two files of equal size; what is a hole in both is not read. */
export function* compareContent(x: Buffer, y: Buffer): Generator<Found, void, undefined> {
  using left = openSource(x);
  using right = openSource(y);
  let lostHole: Range | undefined;
  for (const range of ranges(left, right)) {
    if (range.inX === 'hole' && range.inY === 'hole') continue;
    const at = firstDifference(left, right, range);
    if (at !== undefined) {
      yield { what: 'content', detail: `first difference in the MiB at byte ${at}` };
      return;
    }
    if (range.inX === 'hole' && range.end - range.start > HOLE_TOLERANCE) lostHole ??= range;
  }
  if (lostHole !== undefined) {
    yield { what: 'holes', detail: `${lostHole.end - lostHole.start} bytes at ${lostHole.start} are no hole any more` };
  }
}

/** Cuts the files where either goes from data to hole or back. */
function* ranges(x: SourceFile, y: SourceFile): Generator<Range, void, undefined> {
  const left = x.segments();
  const right = y.segments();
  let a = left.next();
  let b = right.next();
  for (let start = 0; a.done !== true && b.done !== true; ) {
    const endA = a.value.offset + a.value.length;
    const endB = b.value.offset + b.value.length;
    const end = Math.min(endA, endB);
    yield { start, end, inX: a.value.kind, inY: b.value.kind };
    if (end === endA) a = left.next();
    if (end === endB) b = right.next();
    start = end;
  }
}

const leftBytes = Buffer.alloc(STEP);
const rightBytes = Buffer.alloc(STEP);

/** Offset of the first step that differs. */
function firstDifference(x: SourceFile, y: SourceFile, range: Range): number | undefined {
  for (let at = range.start; at < range.end; at += STEP) {
    const length = Math.min(STEP, range.end - at);
    const inX = leftBytes.subarray(0, length);
    const inY = rightBytes.subarray(0, length);
    if (x.readAt(at, inX) !== y.readAt(at, inY) || !inX.equals(inY)) return at;
  }
  return undefined;
}
