import { type ChunkType, isChunkType } from '@sealift/crypto';
import { fail } from '../failures.ts';
import { ByteReader } from './byte-reader.ts';
import { ByteWriter } from './byte-writer.ts';
import { sha256 } from './checksum.ts';
import { ID_LENGTH } from './limits.ts';
import {
  decodePackHeader,
  encodePackHeader,
  PACK_HEADER_LENGTH,
  PACK_VERSION,
  type PackHeader,
} from './pack-header.ts';
import { RECORD_HEADER_LENGTH } from './pack-record.ts';

const MAGIC = Buffer.from('SLPE');
export const TRAILER_LENGTH = 56;
/** Bytes of a footer entry without member ids. */
const ENTRY_LENGTH = 77;

/** Where one record stands in its pack. */
export interface PackEntry {
  id: Buffer;
  type: ChunkType;
  /** Of the record's header, from the start of the file. */
  offset: number;
  /** Of the whole record. */
  length: number;
  /** SHA-256 of the body. */
  checksum: Buffer;
  /** Ids of bundle members, end to end. */
  members: Buffer;
}

/**
 * Footer: copy of the pack header, u32 count, count x {id, u8 type, u32 offset, u32 length, SHA-256, u32 member count,
 * member ids}. Trailer: u64 offset of the footer, u32 its length, u32 count, u16 version, u16 zero, SHA-256 of the
 * footer and the trailer so far, `SLPE`.
 */
export function encodeFooter(header: PackHeader, entries: readonly PackEntry[], offset: number): Buffer {
  const writer = new ByteWriter(PACK_HEADER_LENGTH + TRAILER_LENGTH + entries.length * 128);
  writer.bytes(encodePackHeader(header)).u32(entries.length);
  for (const entry of entries) {
    writer.bytes(entry.id).u8(entry.type).u32(entry.offset).u32(entry.length).bytes(entry.checksum);
    writer.u32(entry.members.length / ID_LENGTH).bytes(entry.members);
  }
  const length = writer.length;
  writer.u64(offset).u32(length).u32(entries.length).u16(PACK_VERSION).u16(0);
  return writer.bytes(sha256(writer.finish())).bytes(MAGIC).finish();
}

/** Length of footer and trailer together, from the trailer; bounds only, the checksum is looked at by `decodeFooter`. */
export function footerSpan(tail: Buffer, fileLength: number): number {
  const reader = new ByteReader(tail.subarray(Math.max(0, tail.length - TRAILER_LENGTH)), 'pack trailer');
  const offset = reader.u64();
  const length = reader.u32();
  reader.take(40);
  if (!reader.take(4).equals(MAGIC)) throw reader.damaged('it does not end as one');
  if (offset + length + TRAILER_LENGTH !== fileLength || offset < PACK_HEADER_LENGTH) {
    throw reader.damaged(`a footer of ${length} bytes at ${offset} in a file of ${fileLength}`);
  }
  return length + TRAILER_LENGTH;
}

/** `bytes` is exactly footer and trailer. The checksum comes first, then the version, then every entry. */
export function decodeFooter(bytes: Buffer): { header: PackHeader; entries: PackEntry[] } {
  const footer = bytes.subarray(0, bytes.length - TRAILER_LENGTH);
  const trailer = new ByteReader(bytes.subarray(footer.length), 'pack trailer');
  const offset = trailer.u64();
  trailer.u32();
  const count = trailer.u32();
  const version = trailer.u16();
  trailer.u16();
  if (!sha256(bytes.subarray(0, bytes.length - 36)).equals(trailer.take(32))) {
    throw trailer.damaged('its checksum does not hold');
  }
  if (version > PACK_VERSION) {
    throw fail('repository-too-new', `A pack has format version ${version}; this program knows ${PACK_VERSION}.`);
  }
  const reader = new ByteReader(footer, 'pack footer');
  const header = decodePackHeader(reader.take(PACK_HEADER_LENGTH));
  if (reader.count(ENTRY_LENGTH) !== count) throw reader.damaged('two different counts');
  const entries: PackEntry[] = [];
  for (let i = 0; i < count; i++) entries.push(readEntry(reader, offset));
  reader.end();
  return { header, entries };
}

function readEntry(reader: ByteReader, end: number): PackEntry {
  const id = reader.take(ID_LENGTH);
  const type = reader.u8() as ChunkType;
  const offset = reader.u32();
  const length = reader.u32();
  const checksum = reader.take(32);
  const members = reader.take(reader.count(ID_LENGTH) * ID_LENGTH);
  const inside =
    offset >= PACK_HEADER_LENGTH && length > RECORD_HEADER_LENGTH + members.length && offset + length <= end;
  if (!inside || !isChunkType(type)) throw reader.damaged(`an entry of type ${type} at ${offset} with ${length} bytes`);
  return { id, type, offset, length, checksum, members };
}
