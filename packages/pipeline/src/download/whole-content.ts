import type { DownloadPart } from '@sealift/wire';
import type { Contents, LookedEntry, Stretch } from '../look/looked-tree.ts';
import { missed, type Selected } from './selected.ts';

const ZEROS = Buffer.alloc(256 * 1024);

/**
 * The content of a file of an archive, exactly as long as was said before it: from the first damage on, zeros and a warning
 * that says so. Holes come as such.
 */
export async function* wholeContent(
  { entry, content }: Selected,
  reader: Contents,
  signal: AbortSignal,
): AsyncGenerator<Stretch | Extract<DownloadPart, { kind: 'warning' }>, void, undefined> {
  if (content !== undefined) {
    yield* content;
    return;
  }
  let at = 0;
  try {
    for await (const stretch of reader.read(entry, signal)) {
      yield stretch;
      at += lengthOf(stretch);
    }
  } catch (thrown) {
    const { message, ...warning } = missed(entry, thrown);
    yield { ...warning, message: `From byte ${at} on it is filled with zeros: ${message}` };
    yield { kind: 'hole', length: entry.size - at };
  }
}

export function* zeros(length: number): Generator<Buffer> {
  for (let left = length; left > 0; left -= ZEROS.length) yield ZEROS.subarray(0, Math.min(left, ZEROS.length));
}

export function lengthOf(stretch: Stretch): number {
  return stretch.kind === 'hole' ? stretch.length : stretch.bytes.length;
}

/** A download of one file as it is: damage ends it, for nobody would look for a warning beside a file. */
export async function* plainContent(
  entry: LookedEntry,
  reader: Contents,
  signal: AbortSignal,
): AsyncGenerator<DownloadPart, void, undefined> {
  for await (const stretch of reader.read(entry, signal)) {
    if (stretch.kind === 'data') yield stretch;
    else for (const bytes of zeros(stretch.length)) yield { kind: 'data', bytes };
  }
}
