import { CHUNK_TYPE, type ChunkType, isChunkType } from '@sealift/crypto';
import { fail } from '../failures.ts';
import { ByteReader } from './byte-reader.ts';
import { ByteWriter } from './byte-writer.ts';
import { crcOf } from './checksum.ts';
import { ID_LENGTH, LONGEST_BODY, MOST_MEMBERS } from './limits.ts';

const MAGIC = Buffer.from('SLRE');
export const RECORD_HEADER_LENGTH = 84;
/** Longest record: header, member ids, body. */
export const LONGEST_RECORD = RECORD_HEADER_LENGTH + MOST_MEMBERS * ID_LENGTH + LONGEST_BODY;

export interface RecordHeader {
  type: ChunkType;
  id: Buffer;
  /** SHA-256 of the body. */
  checksum: Buffer;
  memberCount: number;
  bodyLength: number;
}

export function recordLength(header: { memberCount: number; bodyLength: number }): number {
  return RECORD_HEADER_LENGTH + header.memberCount * ID_LENGTH + header.bodyLength;
}

/**
 * Magic, u8 type, 3 zero bytes, u32 member count, u32 body length, id, SHA-256 of the body, CRC-32 over all before it
 * and the member ids. Member ids and body follow.
 */
export function encodeRecordHeader(header: RecordHeader, members: Buffer): Buffer {
  const flaw = recordFlaw(header) ?? (members.length === header.memberCount * ID_LENGTH ? undefined : 'member ids');
  if (flaw !== undefined) throw fail('chunk-refused', `Chunk ${header.id.toString('hex')} cannot be stored: ${flaw}.`);
  const writer = new ByteWriter(RECORD_HEADER_LENGTH);
  writer
    .bytes(MAGIC)
    .u32(header.type * 0x1000000)
    .u32(header.memberCount)
    .u32(header.bodyLength);
  writer.bytes(header.id).bytes(header.checksum);
  return writer.u32(crcOf(writer.finish(), members)).finish();
}

export interface ParsedRecordHeader extends RecordHeader {
  /** The CRC as stored; it covers the member ids too. */
  crc: number;
}

/** Checks limits, not the CRC: `checkRecordHeader` does once the member ids are there. */
export function parseRecordHeader(bytes: Buffer): ParsedRecordHeader {
  const reader = new ByteReader(bytes, 'pack record');
  if (!reader.take(4).equals(MAGIC)) throw reader.damaged('it does not begin as one');
  const type = reader.u8();
  const spare = reader.u8() + reader.u16();
  const memberCount = reader.u32();
  const bodyLength = reader.u32();
  const id = reader.take(ID_LENGTH);
  const checksum = reader.take(32);
  const header = { type: type as ChunkType, id, checksum, memberCount, bodyLength, crc: reader.u32() };
  const flaw = spare === 0 ? recordFlaw(header) : 'an unknown field';
  if (flaw !== undefined) throw reader.damaged(flaw);
  return header;
}

/** `bytes` begins with the record; member ids are all there. */
export function checkRecordHeader(header: ParsedRecordHeader, bytes: Buffer, members: Buffer): void {
  if (crcOf(bytes.subarray(0, RECORD_HEADER_LENGTH - 4), members) !== header.crc) {
    throw fail('format-damaged', 'The header of a pack record does not match its checksum.');
  }
}

function recordFlaw(header: RecordHeader): string | undefined {
  if (!isChunkType(header.type)) return `unknown type ${header.type}`;
  if (header.id.length !== ID_LENGTH || header.checksum.length !== 32) return 'an id or checksum of a wrong length';
  if (header.bodyLength < 1 || header.bodyLength > LONGEST_BODY) return `a body of ${header.bodyLength} bytes`;
  if (!Number.isInteger(header.memberCount) || header.memberCount > MOST_MEMBERS)
    return `${header.memberCount} members`;
  if (header.memberCount > 0 && header.type !== CHUNK_TYPE.bundle) return 'members of something that is no bundle';
  return undefined;
}
