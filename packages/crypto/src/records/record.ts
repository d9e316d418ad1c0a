import { MAX_CHUNK_PLAINTEXT } from '../chunk-type.ts';
import { TAG_LENGTH } from '../primitives.ts';

/*
 * A record: header (21 bytes), tag (16 bytes), ciphertext. The tag stands before the ciphertext so that a large body
 * is written once, by the cipher, and sent from there.
 *
 *   0  type u8 (0: END)     1  stream u32     5  generation u32     9  sequence u64     17  payload length u32
 *
 * The header is the associated data. END is the last record of a direction; its payload is the number of records and
 * of payload bytes before it, u64 each.
 */

export const RECORD_HEADER_LENGTH = 21;
export const RECORD_PREFIX_LENGTH = RECORD_HEADER_LENGTH + TAG_LENGTH;

/** Longest payload: the longest chunk, padded, and a message around it. */
export const MAX_RECORD_PAYLOAD = MAX_CHUNK_PLAINTEXT + 2 * 1024 * 1024;

export const END_TYPE = 0;
export const END_STREAM = 0;
export const END_PAYLOAD_LENGTH = 16;

/** Most streams of one direction, so that a peer cannot make the other side keep state without bound. */
export const MAX_STREAMS = 1024;

export interface RecordHeader {
  type: number;
  stream: number;
  generation: number;
  sequence: number;
  length: number;
}

export function writeRecordHeader(into: Buffer, header: RecordHeader): void {
  into.writeUInt8(header.type, 0);
  into.writeUInt32BE(header.stream, 1);
  into.writeUInt32BE(header.generation, 5);
  into.writeBigUInt64BE(BigInt(header.sequence), 9);
  into.writeUInt32BE(header.length, 17);
}

/** `sequence` is exact up to 2^53; a larger one cannot be the expected one and is refused by comparison. */
export function readRecordHeader(bytes: Buffer): RecordHeader {
  return {
    type: bytes.readUInt8(0),
    stream: bytes.readUInt32BE(1),
    generation: bytes.readUInt32BE(5),
    sequence: Number(bytes.readBigUInt64BE(9)),
    length: bytes.readUInt32BE(17),
  };
}
