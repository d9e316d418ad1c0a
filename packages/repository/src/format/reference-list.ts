import { fail } from '../failures.ts';
import { ByteReader } from './byte-reader.ts';
import { ByteWriter } from './byte-writer.ts';
import { sha256 } from './checksum.ts';
import { ID_LENGTH, ZONE_LENGTH } from './limits.ts';

const MAGIC = Buffer.from('SLRL');
const END_MAGIC = Buffer.from('SLRX');
const VERSION = 1;
export const REFERENCES_HEADER_LENGTH = 40;
export const REFERENCES_TRAILER_LENGTH = 132;

/** What ends a reference list. The ids stand between header and trailer, in the order they were sent. */
export interface ReferencesTrailer {
  pointId: Buffer;
  zone: Buffer;
  count: number;
  /** SHA-256 over the ids. */
  hash: Buffer;
  /** Clock of the target when the point was committed, ms since 1970. */
  receivedAt: number;
  /** Made anew by a repair: covers what the point needs, in another order, perhaps more, and is not what the point names. */
  rebuilt?: boolean;
}

const REBUILT = 1;

/** Magic, u16 version, u16 flags (1: rebuilt), point id, zone. */
export function encodeReferencesHeader(pointId: Buffer, zone: Buffer, rebuilt = false): Buffer {
  const writer = new ByteWriter(REFERENCES_HEADER_LENGTH).bytes(MAGIC).u16(VERSION);
  return writer
    .u16(rebuilt ? REBUILT : 0)
    .bytes(pointId)
    .bytes(zone)
    .finish();
}

/** u64 count, u64 receivedAt, SHA-256 of the ids, copy of the header, u64 zero, SHA-256 of the trailer so far, `SLRX`. */
export function encodeReferencesTrailer(trailer: ReferencesTrailer): Buffer {
  const writer = new ByteWriter(REFERENCES_TRAILER_LENGTH);
  writer.u64(trailer.count).u64(trailer.receivedAt).bytes(trailer.hash);
  writer.bytes(encodeReferencesHeader(trailer.pointId, trailer.zone, trailer.rebuilt)).u64(0);
  return writer.bytes(sha256(writer.finish())).bytes(END_MAGIC).finish();
}

/** `tail` is at least the trailer, from the end of a file of `fileLength` bytes. */
export function decodeReferencesTrailer(tail: Buffer, fileLength: number): ReferencesTrailer {
  const bytes = tail.subarray(Math.max(0, tail.length - REFERENCES_TRAILER_LENGTH));
  const reader = new ByteReader(bytes, 'reference list');
  const count = reader.u64();
  const receivedAt = reader.u64();
  const hash = reader.take(32);
  const magic = reader.take(4);
  const version = reader.u16();
  const flags = reader.u16();
  const pointId = reader.take(16);
  const zone = reader.take(ZONE_LENGTH);
  reader.u64();
  const summed = bytes.subarray(0, reader.position);
  if (!sha256(summed).equals(reader.take(32))) throw reader.damaged('its checksum does not hold');
  if (!magic.equals(MAGIC) || !reader.take(4).equals(END_MAGIC)) throw reader.damaged('it does not end as one');
  if (version > VERSION) {
    throw fail('repository-too-new', `A reference list has format version ${version}; this program knows ${VERSION}.`);
  }
  if (REFERENCES_HEADER_LENGTH + count * ID_LENGTH + REFERENCES_TRAILER_LENGTH !== fileLength) {
    throw reader.damaged(`${count} ids in ${fileLength} bytes`);
  }
  if (flags > REBUILT) throw reader.damaged('a field has an unknown value');
  return { pointId, zone, count, hash, receivedAt, ...(flags === REBUILT ? { rebuilt: true } : {}) };
}
