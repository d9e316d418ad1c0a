import type { KeyObject } from 'node:crypto';
import type { ChunkType } from './chunk-type.ts';
import { hmacSha256 } from './primitives.ts';

const TYPE_BYTES = Array.from({ length: 7 }, (_, type) => Buffer.from([type]));

/** The id of a chunk, 32 bytes: HMAC-SHA-256 under IDK over its type and plaintext. */
export function chunkId(idKey: KeyObject, type: ChunkType, plaintext: Buffer): Buffer {
  return hmacSha256(idKey, TYPE_BYTES[type] as Buffer, plaintext);
}
