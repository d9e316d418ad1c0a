import { fail } from '../failures.ts';
import { ByteReader } from './byte-reader.ts';
import { ByteWriter } from './byte-writer.ts';
import { sha256 } from './checksum.ts';
import { encodeReason, LONGEST_REASON } from './point-lock.ts';

const MAGIC = Buffer.from('SLRD');
const VERSION = 1;
export const LONGEST_REMOVAL = 146 + LONGEST_REASON;

/** What is remembered of a removed recovery point; of a damaged one all but its id is zero. */
export interface RemovalRecord {
  pointId: Buffer;
  jobId: Buffer;
  sourceId: Buffer;
  /** SHA-256 of the recovery point file. */
  hash: Buffer;
  /** ms since 1970: clock of the source, clock of the repository, and when it was removed. */
  createdAt: number;
  receivedAt: number;
  removedAt: number;
  /** Why and by whom, as given. */
  reason: string;
}

/** Magic, u16 version, u16 zero, point id, job id, source id, hash, u64 createdAt, receivedAt, removedAt, u16 length, reason, SHA-256. */
export function encodeRemoval(removal: RemovalRecord): Buffer {
  const reason = encodeReason(removal.reason);
  const writer = new ByteWriter(LONGEST_REMOVAL).bytes(MAGIC).u16(VERSION).u16(0);
  writer.bytes(removal.pointId).bytes(removal.jobId).bytes(removal.sourceId).bytes(removal.hash);
  writer.u64(removal.createdAt).u64(removal.receivedAt).u64(removal.removedAt);
  writer.u16(reason.length).bytes(reason);
  return writer.bytes(sha256(writer.finish())).finish();
}

export function decodeRemoval(bytes: Buffer): RemovalRecord {
  const reader = new ByteReader(bytes, 'record of a removal');
  if (!reader.take(4).equals(MAGIC)) throw reader.damaged('it does not begin as one');
  const version = reader.u16();
  reader.u16();
  const ids = { pointId: reader.take(16), jobId: reader.take(16), sourceId: reader.take(16), hash: reader.take(32) };
  const times = { createdAt: reader.u64(), receivedAt: reader.u64(), removedAt: reader.u64() };
  const reason = reader.take(reader.u16()).toString();
  const summed = bytes.subarray(0, reader.position);
  if (!sha256(summed).equals(reader.take(32))) throw reader.damaged('its checksum does not hold');
  reader.end();
  if (version > VERSION) {
    throw fail('repository-too-new', `A removal has format version ${version}; this program knows ${VERSION}.`);
  }
  return { ...ids, ...times, reason };
}
