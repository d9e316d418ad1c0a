import type { Segment } from '@sealift/repository/segments';
import type { ImageReader } from '@sealift/workloads';
import { DISK_CHUNK } from '../chunk/fixed.ts';
import { VERDICT } from '../dedup/dedup.ts';
import type { ChunkMaker } from './chunk-maker.ts';

/** A part of a stretch. */
interface Part {
  offset: number;
  length: number;
}

/**
 * The segments of a stretch of which only changes are read; the rest is as `known`. A chunk that the target has lost
 * meanwhile is read all the same.
 * @param read reads a part
 */
export async function readChanges(
  file: ImageReader,
  known: Segment[],
  { offset, length }: Part,
  chunks: ChunkMaker,
  read: (part: Part) => Promise<Segment[]>,
): Promise<Segment[]> {
  const changed = new Array<boolean>(Math.ceil(length / DISK_CHUNK)).fill(false);
  for await (const extent of file.changes(offset, offset + length)) {
    if (!extent.changed) continue;
    const first = Math.floor((extent.offset - offset) / DISK_CHUNK);
    const last = Math.ceil((extent.offset + extent.length - offset) / DISK_CHUNK);
    changed.fill(true, first, last);
  }
  const segments: Segment[] = [];
  for (const { from, to, value } of runsOf(changed)) {
    const part = { offset: offset + from * DISK_CHUNK, length: Math.min(to * DISK_CHUNK, length) - from * DISK_CHUNK };
    const kept = value ? undefined : cut(known, part.offset - offset, part.length);
    if (kept === undefined) segments.push(...(await read(part)));
    else segments.push(...(await keep(kept, part, file, chunks)));
  }
  return segments;
}

function* runsOf(values: boolean[]): Generator<{ from: number; to: number; value: boolean }> {
  for (let from = 0; from < values.length; ) {
    const value = values[from] as boolean;
    const next = values.indexOf(!value, from);
    const to = next < 0 ? values.length : next;
    yield { from, to, value };
    from = to;
  }
}

/** A range of segments; undefined when it would cut through a chunk, or is not all there. */
function cut(segments: Segment[], offset: number, length: number): Segment[] | undefined {
  const found: Segment[] = [];
  let at = 0;
  let covered = 0;
  for (const segment of segments) {
    const from = Math.max(at, offset);
    const to = Math.min(at + segment.length, offset + length);
    at += segment.length;
    if (to <= from) continue;
    if (segment.kind !== 'hole' && to - from !== segment.length) return undefined;
    found.push({ ...segment, length: to - from });
    covered += to - from;
  }
  return covered === length ? found : undefined;
}

async function keep(segments: Segment[], { offset }: Part, file: ImageReader, chunks: ChunkMaker): Promise<Segment[]> {
  const ids = segments.flatMap((segment) => (segment.kind === 'chunk' ? [segment.id] : []));
  const verdicts = ids.length === 0 ? [] : await chunks.askKnown(ids);
  let at = offset;
  let next = 0;
  for (const segment of segments) {
    if (segment.kind === 'chunk' && verdicts[next++] === VERDICT.send) {
      const bytes = Buffer.allocUnsafeSlow(segment.length);
      await file.readAt(at, bytes);
      chunks.countRead(bytes.length);
      await chunks.sendKnown(segment.id, bytes);
    }
    at += segment.length;
  }
  return segments;
}
