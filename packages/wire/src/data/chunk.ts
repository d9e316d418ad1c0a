import { CHUNK_TYPE, type ChunkType, isChunkType } from '@sealift/crypto';
import { ByteReader } from './byte-reader.ts';
import { MAX_CHUNK_BODY, MAX_MEMBERS } from './messages.ts';

/** One chunk on its way into a repository. */
export interface ChunkMessage {
  /** Counts the chunks of one link from 1. */
  sequence: number;
  type: ChunkType;
  /** 32 bytes. */
  id: Buffer;
  /** Bundles: ids of the members, 32 bytes each, laid end to end; empty for other types. */
  members: Buffer;
  /** Sealed chunk (source-side) or plain inner (in-flight). */
  body: Buffer;
}

/** Bytes of sequence, type, flags, id and member count. */
const HEAD_LENGTH = 46;

/** u64 sequence, u8 type, u8 flags (zero), id 32, u32 member count, member ids, body. The body is not copied. */
export function encodeChunk(chunk: ChunkMessage): Buffer[] {
  const head = Buffer.allocUnsafe(HEAD_LENGTH);
  let at = head.writeBigUInt64BE(BigInt(chunk.sequence));
  at = head.writeUInt8(chunk.type, at);
  at = head.writeUInt8(0, at);
  head.set(chunk.id, at);
  head.writeUInt32BE(chunk.members.length / 32, at + 32);
  return chunk.members.length === 0 ? [head, chunk.body] : [head, chunk.members, chunk.body];
}

/** Views into `payload`. */
export function decodeChunk(payload: Buffer): ChunkMessage {
  const reader = new ByteReader('CHUNK', payload);
  const sequence = reader.u64();
  const type = readChunkType(reader);
  if (reader.u8() !== 0) reader.violated('a flag is unknown');
  const id = reader.bytes(32);
  const count = reader.u32();
  if (count > MAX_MEMBERS) reader.violated(`${count} members are more than ${MAX_MEMBERS}`);
  if (count > 0 && type !== CHUNK_TYPE.bundle) reader.violated('only a bundle has members');
  return { sequence, type, id, members: reader.bytes(count * 32), body: readChunkBody(reader) };
}

export function readChunkType(reader: ByteReader): ChunkType {
  const type = reader.u8();
  return isChunkType(type) ? type : reader.violated(`the chunk type ${type} is unknown`);
}

export function readChunkBody(reader: ByteReader): Buffer {
  if (reader.left === 0) reader.violated('the chunk has no body');
  return reader.rest(MAX_CHUNK_BODY);
}

/** u64: every chunk up to and including this sequence number is durable. */
export function encodeAck(sequence: number): Buffer[] {
  const bytes = Buffer.allocUnsafe(8);
  bytes.writeBigUInt64BE(BigInt(sequence));
  return [bytes];
}

export function decodeAck(payload: Buffer): number {
  const reader = new ByteReader('ACK', payload);
  const sequence = reader.u64();
  reader.end();
  return sequence;
}
