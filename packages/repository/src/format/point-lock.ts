import { fail } from '../failures.ts';
import { ByteReader } from './byte-reader.ts';
import { ByteWriter } from './byte-writer.ts';
import { sha256 } from './checksum.ts';

const MAGIC = Buffer.from('SLRK');
const VERSION = 1;
const FLAG_HELD = 1;
/** Longest reason of a hold or a removal, bytes of UTF-8. */
export const LONGEST_REASON = 1024;
export const LONGEST_LOCK = 82 + LONGEST_REASON;

/** What keeps one recovery point from being removed. */
export interface PointLock {
  pointId: Buffer;
  /** ms since 1970 on the repository's clock; 0: not locked. */
  until: number;
  /** Given while it is held. */
  hold?: { reason: string; since: number };
  /** Clock of the repository when this was written, ms since 1970. */
  recordedAt: number;
}

/** Magic, u16 version, u16 flags (1: held), point id, u64 until, u64 held since, u64 recordedAt, u16 length, reason, SHA-256. */
export function encodePointLock(lock: PointLock): Buffer {
  const reason = encodeReason(lock.hold?.reason ?? '');
  const writer = new ByteWriter(LONGEST_LOCK);
  writer
    .bytes(MAGIC)
    .u16(VERSION)
    .u16(lock.hold === undefined ? 0 : FLAG_HELD);
  writer.bytes(lock.pointId).u64(lock.until);
  writer.u64(lock.hold?.since ?? 0).u64(lock.recordedAt);
  writer.u16(reason.length).bytes(reason);
  return writer.bytes(sha256(writer.finish())).finish();
}

export function decodePointLock(bytes: Buffer): PointLock {
  const reader = new ByteReader(bytes, 'lock of a recovery point');
  if (!reader.take(4).equals(MAGIC)) throw reader.damaged('it does not begin as one');
  const version = reader.u16();
  const flags = reader.u16();
  const fixed = { pointId: reader.take(16), until: reader.u64() };
  const since = reader.u64();
  const recordedAt = reader.u64();
  const reason = reader.take(reader.u16()).toString();
  const summed = bytes.subarray(0, reader.position);
  if (!sha256(summed).equals(reader.take(32))) throw reader.damaged('its checksum does not hold');
  reader.end();
  if (version > VERSION) {
    throw fail('repository-too-new', `A lock has format version ${version}; this program knows ${VERSION}.`);
  }
  if (version === 0 || flags > FLAG_HELD) throw reader.damaged(`version ${version} with flags ${flags}`);
  return { ...fixed, recordedAt, ...(flags === FLAG_HELD ? { hold: { reason, since } } : {}) };
}

export function encodeReason(reason: string): Buffer {
  const bytes = Buffer.from(reason);
  if (bytes.length > LONGEST_REASON) {
    throw fail('format-limit', `A reason has ${bytes.length} bytes; at most ${LONGEST_REASON} can be stored.`);
  }
  return bytes;
}
