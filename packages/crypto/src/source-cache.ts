import type { KeyObject } from 'node:crypto';
import { u32 } from './byte-reader.ts';
import { CODEC, compress, decompress } from './compression.ts';
import { encodeInner, parseInner } from './inner.ts';
import { label, labelled } from './labels.ts';
import { gcmOpen, gcmSeal, hkdf, NONCE_LENGTH, takeKey } from './primitives.ts';

/**
 * Key of one cache file at a source: HKDF(IDK, salt, L("source-cache")). A source has IDK only while a run goes on, so
 * the file says nothing to who steals it, and opens nothing to who has this key: no run key is in it or follows from it.
 *
 * @param salt 32 bytes, random, for each file that is written
 */
export function sourceCacheKey(idKey: KeyObject, salt: Buffer): KeyObject {
  return takeKey(hkdf(idKey, salt, label('source-cache')));
}

/** Compresses a block, for `sealCacheBlock`. */
export function packCacheBlock(plaintext: Buffer): Buffer {
  const { codec, bytes } = compress(plaintext, { codec: 'zstd', level: 1 });
  return encodeInner({ codec, plaintextLength: plaintext.length, compressed: bytes, padding: 'none' });
}

/** Reverses `packCacheBlock`; undefined when it is damaged. */
export function unpackCacheBlock(packed: Buffer): Buffer | undefined {
  const { codec, plaintextLength, compressed } = parseInner(packed);
  return codec === CODEC.lz4 ? undefined : decompress(codec, compressed, plaintextLength);
}

/** AES-256-GCM, nonce: the number of the block in its file, which is never written twice under one key. */
export function sealCacheBlock(key: KeyObject, number: number, packed: Buffer): Buffer {
  return gcmSeal(key, nonceOf(number), associatedData(), packed);
}

/** Undefined when it does not verify as this block of the file with this key. */
export function openCacheBlock(key: KeyObject, number: number, sealed: Buffer): Buffer | undefined {
  return gcmOpen(key, nonceOf(number), associatedData(), sealed);
}

function nonceOf(number: number): Buffer {
  return Buffer.concat([Buffer.alloc(NONCE_LENGTH - 4), u32(number)]);
}

function associatedData(): Buffer {
  return labelled('source-cache block');
}
