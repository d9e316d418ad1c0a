import type { KeyObject } from 'node:crypto';
import { chunkId } from './chunk-id.ts';
import { type ChunkType, MAX_CHUNK_PLAINTEXT } from './chunk-type.ts';
import { CODEC, type Codec, decompress } from './compression.ts';
import { fail } from './failures.ts';
import { padme } from './padme.ts';

/*
 * What a sealed chunk holds under its encryption, and what an unencrypted repository stores as it is:
 *
 *   0  codec u8, three zero bytes
 *   4  plaintext length u32
 *   8  compressed length u32
 *  12  compressed bytes, zero padding
 */

export const INNER_HEADER_LENGTH = 12;

/** Longest inner: the longest plaintext, stored, and its padding. */
export const MAX_INNER_LENGTH = padme(INNER_HEADER_LENGTH + MAX_CHUNK_PLAINTEXT);

const ZEROS = Buffer.alloc(MAX_INNER_LENGTH - MAX_CHUNK_PLAINTEXT);

export interface InnerPart {
  codec: Codec;
  plaintextLength: number;
  compressed: Buffer;
}

/** The three pieces of an inner, laid end to end by the caller. */
export function innerPieces(part: InnerPart, padding: 'padme' | 'none'): [Buffer, Buffer, Buffer] {
  if (!possibleLengths(part)) {
    const lengths = `${part.plaintextLength} bytes packed into ${part.compressed.byteLength}`;
    throw fail('limit-exceeded', `A chunk cannot hold ${lengths}.`);
  }
  const header = Buffer.alloc(INNER_HEADER_LENGTH);
  header.writeUInt8(part.codec, 0);
  header.writeUInt32BE(part.plaintextLength, 4);
  header.writeUInt32BE(part.compressed.byteLength, 8);
  const length = INNER_HEADER_LENGTH + part.compressed.byteLength;
  const padded = padding === 'padme' ? padme(length) : length;
  return [header, part.compressed, ZEROS.subarray(0, padded - length)];
}

/** An inner in one Buffer with its own ArrayBuffer: with padding `none`, the plain chunk of an unencrypted repository. */
export function encodeInner(part: InnerPart & { padding: 'padme' | 'none' }): Buffer {
  const pieces = innerPieces(part, part.padding);
  const inner = Buffer.allocUnsafeSlow(pieces.reduce((sum, piece) => sum + piece.byteLength, 0));
  let offset = 0;
  for (const piece of pieces) {
    inner.set(piece, offset);
    offset += piece.byteLength;
  }
  return inner;
}

/**
 * The plaintext of an inner, after every check: lengths and padding, decompression bounded by the declared length,
 * exact length, id recomputed. A stored plaintext is returned as a view of `inner`.
 */
export function openInner(inner: Buffer, want: { type: ChunkType; id: Buffer; idKey: KeyObject }): Buffer {
  const { codec, plaintextLength, compressed } = parseInner(inner);
  const plaintext = decompress(codec, compressed, plaintextLength);
  if (plaintext === undefined) throw damaged(want.id, 'does not decompress to the length it declares');
  if (Buffer.compare(chunkId(want.idKey, want.type, plaintext), want.id) !== 0) {
    throw damaged(want.id, 'holds other contents than its id names');
  }
  return plaintext;
}

/** Form, lengths and padding of an inner checked, nothing decompressed. The compressed bytes are a view. */
export function parseInner(inner: Buffer): InnerPart {
  if (inner.length < INNER_HEADER_LENGTH || inner.length > MAX_INNER_LENGTH) {
    throw fail('chunk-damaged', `A chunk has ${inner.length} bytes inside, which no chunk has.`);
  }
  const [codec, reserved] = [inner.readUInt8(0), inner.readUIntBE(1, 3)];
  if (codec > 2 || reserved !== 0) throw fail('format-unknown', `A chunk uses the unknown codec ${codec}.`);
  const end = INNER_HEADER_LENGTH + inner.readUInt32BE(8);
  const part = {
    codec: codec as Codec,
    plaintextLength: inner.readUInt32BE(4),
    compressed: inner.subarray(INNER_HEADER_LENGTH, end),
  };
  const padded = end <= inner.length && inner.length <= padme(end) && isZero(inner.subarray(end));
  if (!padded || !possibleLengths(part)) {
    throw fail('chunk-damaged', 'A chunk declares lengths or has padding that no chunk has.');
  }
  return part;
}

function possibleLengths({ codec, plaintextLength, compressed }: InnerPart): boolean {
  const stored = codec === CODEC.stored && compressed.byteLength === plaintextLength;
  const shrunk = codec !== CODEC.stored && compressed.byteLength < plaintextLength && compressed.byteLength > 0;
  return plaintextLength <= MAX_CHUNK_PLAINTEXT && (stored || shrunk);
}

function isZero(bytes: Buffer): boolean {
  return bytes.length <= ZEROS.length && bytes.equals(ZEROS.subarray(0, bytes.length));
}

function damaged(id: Buffer, how: string) {
  return fail('chunk-damaged', `Chunk ${Buffer.from(id).toString('hex')} ${how}.`);
}
