import { ByteReader } from './byte-reader.ts';
import { ByteWriter } from './byte-writer.ts';
import { readManifest } from './commit.ts';
import { MAX_POINTS } from './messages.ts';

/** What a target tells about a recovery point without keys. */
export interface PointSummary {
  pointId: string;
  jobId: string;
  sourceId: string;
  mode: 'in-flight' | 'source-side';
  sequence: number;
  /** The source's clock, ms since 1970. */
  createdAt: number;
  /** The target's clock, ms since 1970. */
  receivedAt: number;
  /** SHA-256 of the manifest file. */
  hash: Buffer;
}

const MODES: readonly PointSummary['mode'][] = ['in-flight', 'source-side'];
const SUMMARY_LENGTH = 105;

/** A recovery point by its id, or the newest one of the job named in OPEN. Empty for `latest`, else point id 16. */
export function encodeReadPoint(point: string): Buffer[] {
  return point === 'latest' ? [] : new ByteWriter().uuid(point).done();
}

export function decodeReadPoint(payload: Buffer): string {
  if (payload.length === 0) return 'latest';
  const reader = new ByteReader('READ_POINT', payload);
  const point = reader.uuid();
  reader.end();
  return point;
}

/** The bytes of the manifest file, which the reader checks itself. */
export function encodePoint(manifest: Buffer): Buffer[] {
  return [manifest];
}

export function decodePoint(payload: Buffer): Buffer {
  return readManifest('POINT', payload);
}

export function encodeListPoints(): Buffer[] {
  return [];
}

export function decodeListPoints(payload: Buffer): void {
  new ByteReader('LIST_POINTS', payload).end();
}

/** 105 bytes each: three ids of 16 (point, job, source), u8 mode, three u64 (sequence, created, received), hash 32. */
export function encodePoints(points: PointSummary[]): Buffer[] {
  const writer = new ByteWriter();
  for (const point of points) {
    writer.uuid(point.pointId).uuid(point.jobId).uuid(point.sourceId).u8(MODES.indexOf(point.mode));
    writer.u64(point.sequence).u64(point.createdAt).u64(point.receivedAt).bytes(point.hash);
  }
  return writer.done();
}

export function decodePoints(payload: Buffer): PointSummary[] {
  const reader = new ByteReader('POINTS', payload);
  if (reader.left > MAX_POINTS * SUMMARY_LENGTH) reader.violated(`more than ${MAX_POINTS} points`);
  const points: PointSummary[] = [];
  while (reader.left > 0) points.push(readSummary(reader));
  return points;
}

function readSummary(reader: ByteReader): PointSummary {
  return {
    pointId: reader.uuid(),
    jobId: reader.uuid(),
    sourceId: reader.uuid(),
    mode: MODES[reader.u8()] ?? reader.violated('the mode is unknown'),
    sequence: reader.u64(),
    createdAt: reader.u64(),
    receivedAt: reader.u64(),
    hash: reader.bytes(32),
  };
}
