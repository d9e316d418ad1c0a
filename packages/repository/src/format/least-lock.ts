import { fail } from '../failures.ts';
import { ByteReader } from './byte-reader.ts';
import { ByteWriter } from './byte-writer.ts';
import { sha256 } from './checksum.ts';

const MAGIC = Buffer.from('SLRM');
const VERSION = 1;
export const LEAST_LOCK_LENGTH = 56;

/** For how long every new recovery point of a repository is locked at least. */
export interface LeastLock {
  /** ms from the receipt of a point. */
  period: number;
  /** Clock of the repository when this was written, ms since 1970. */
  recordedAt: number;
}

/** Magic, u16 version, u16 zero, u64 period, u64 recordedAt, SHA-256. */
export function encodeLeastLock({ period, recordedAt }: LeastLock): Buffer {
  const writer = new ByteWriter(LEAST_LOCK_LENGTH);
  writer.bytes(MAGIC).u16(VERSION).u16(0).u64(period).u64(recordedAt);
  return writer.bytes(sha256(writer.finish())).finish();
}

export function decodeLeastLock(bytes: Buffer): LeastLock {
  const reader = new ByteReader(bytes, 'least lock of a repository');
  if (!reader.take(4).equals(MAGIC)) throw reader.damaged('it does not begin as one');
  const version = reader.u16();
  const flags = reader.u16();
  const least = { period: reader.u64(), recordedAt: reader.u64() };
  const summed = bytes.subarray(0, reader.position);
  if (!sha256(summed).equals(reader.take(32))) throw reader.damaged('its checksum does not hold');
  reader.end();
  if (version > VERSION) {
    throw fail('repository-too-new', `A least lock has format version ${version}; this program knows ${VERSION}.`);
  }
  if (version === 0 || flags !== 0) throw reader.damaged(`version ${version} with flags ${flags}`);
  return least;
}
