import { MAX_CHUNK_PLAINTEXT } from '@sealift/crypto';
import { fail } from '../failures.ts';
import { ByteReader } from './byte-reader.ts';
import { ByteWriter } from './byte-writer.ts';
import { ID_LENGTH, MOST_LEVELS, MOST_MEMBERS } from './limits.ts';
import { expectKind, PAGE_KIND } from './page-kind.ts';

/** A run of a file's bytes, in file order. `length` in bytes of the file, never 0. */
export type Segment =
  | { kind: 'hole'; length: number }
  | { kind: 'chunk'; length: number; id: Buffer }
  | { kind: 'member'; length: number; bundle: Buffer; ordinal: number };

/** Inner node above segment pages: each child with the bytes of the file it covers, for seeking. */
export interface SegmentNode {
  /** 1 directly above pages, one more with each storey. */
  level: number;
  children: { length: number; id: Buffer }[];
}

const SEGMENT = { hole: 0, chunk: 1, member: 2 } as const;
/** The shortest segment: kind and u64. */
export const SMALLEST_SEGMENT = 9;

export function writeSegment(writer: ByteWriter, segment: Segment): void {
  checkSegment(segment);
  writer.u8(SEGMENT[segment.kind]);
  if (segment.kind === 'hole') {
    writer.u64(segment.length);
  } else if (segment.kind === 'chunk') {
    writer.u32(segment.length).bytes(segment.id);
  } else {
    writer.u32(segment.length).bytes(segment.bundle).u32(segment.ordinal);
  }
}

function checkSegment(segment: Segment): void {
  const most = segment.kind === 'hole' ? Number.MAX_SAFE_INTEGER : MAX_CHUNK_PLAINTEXT;
  if (!Number.isSafeInteger(segment.length) || segment.length < 1 || segment.length > most) {
    throw fail('format-limit', `A ${segment.kind} segment of ${segment.length} bytes is outside 1 to ${most}.`);
  }
  const id = segment.kind === 'chunk' ? segment.id : segment.kind === 'member' ? segment.bundle : undefined;
  if (id !== undefined && id.length !== ID_LENGTH) {
    throw fail('format-limit', `A segment names a chunk id of ${id.length} bytes, not ${ID_LENGTH}.`);
  }
}

export function readSegment(reader: ByteReader): Segment {
  const kind = reader.u8();
  if (kind === SEGMENT.hole) {
    const length = reader.u64();
    if (length === 0) throw reader.damaged('an empty hole');
    return { kind: 'hole', length };
  }
  if (kind !== SEGMENT.chunk && kind !== SEGMENT.member) throw reader.damaged(`unknown segment kind ${kind}`);
  const length = reader.u32();
  if (length === 0 || length > MAX_CHUNK_PLAINTEXT) throw reader.damaged(`a segment of ${length} bytes`);
  const id = reader.take(ID_LENGTH);
  if (kind === SEGMENT.chunk) return { kind: 'chunk', length, id };
  const ordinal = reader.u32();
  if (ordinal >= MOST_MEMBERS) throw reader.damaged(`member ${ordinal} of a bundle`);
  return { kind: 'member', length, bundle: id, ordinal };
}

/** Plaintext of a segment page: u8 kind 3, u32 count, segments. */
export function encodeSegments(segments: readonly Segment[]): Buffer {
  const writer = new ByteWriter(5 + segments.length * 41);
  writer.u8(PAGE_KIND.segments).u32(segments.length);
  for (const segment of segments) writeSegment(writer, segment);
  return writer.finish();
}

export function decodeSegments(plaintext: Buffer): Segment[] {
  const reader = new ByteReader(plaintext, 'segment page');
  expectKind(reader, 'segments');
  const count = reader.count(SMALLEST_SEGMENT);
  const segments: Segment[] = [];
  for (let i = 0; i < count; i++) segments.push(readSegment(reader));
  reader.end();
  return segments;
}

/** Plaintext of a segment node: u8 kind 4, u8 level, u32 count, count x {u64 length, id}. */
export function encodeSegmentNode(node: SegmentNode): Buffer {
  checkLevel(node.level);
  const writer = new ByteWriter(6 + node.children.length * (8 + ID_LENGTH));
  writer.u8(PAGE_KIND.segmentNode).u8(node.level).u32(node.children.length);
  for (const child of node.children) writer.u64(child.length).bytes(child.id);
  return writer.finish();
}

export function decodeSegmentNode(plaintext: Buffer): SegmentNode {
  const reader = new ByteReader(plaintext, 'segment node');
  expectKind(reader, 'segmentNode');
  const level = readLevel(reader);
  const count = reader.count(8 + ID_LENGTH);
  if (count === 0) throw reader.damaged('no children');
  const children: SegmentNode['children'] = [];
  for (let i = 0; i < count; i++) {
    const length = reader.u64();
    if (length === 0) throw reader.damaged('an empty child');
    children.push({ length, id: reader.take(ID_LENGTH) });
  }
  reader.end();
  return { level, children };
}

export function checkLevel(level: number): void {
  if (!Number.isInteger(level) || level < 1 || level > MOST_LEVELS) {
    throw fail('format-limit', `A tree node of level ${level} is outside 1 to ${MOST_LEVELS}.`);
  }
}

export function readLevel(reader: ByteReader): number {
  const level = reader.u8();
  if (level < 1 || level > MOST_LEVELS) throw reader.damaged(`level ${level}`);
  return level;
}
