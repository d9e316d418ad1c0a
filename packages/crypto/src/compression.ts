import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { compressSync as lz4CompressSync, uncompressSync as lz4UncompressSync } from 'lz4-napi';
import { fail } from './failures.ts';
import { looksIncompressible } from './incompressible.ts';

export const CODEC = { stored: 0, lz4: 1, zstd: 2 } as const;
export type Codec = (typeof CODEC)[keyof typeof CODEC];

export type Compression = { codec: 'auto' | 'zstd' | 'lz4' | 'none'; level?: number };

/** zstd's level without a `level`: the fastest that still codes entropy. */
const DEFAULT_LEVEL = 1;

/** Room for zstd's frame header and raw blocks, so that the output of incompressible input needs one allocation. */
const ZSTD_SLACK = 1024;

/** log2 of the largest window a zstd frame may ask for: the largest plaintext, 16 MiB. */
const ZSTD_WINDOW_LOG = 24;

/** lz4-napi puts the plaintext length, u32 little-endian, before each block. */
const LZ4_PREFIX = 4;

/**
 * Reads `auto`, `zstd`, `zstd:LEVEL`, `lz4` or `none`. Levels are 1 to 19, or -7 to -2 for the fast ones: zstd takes 0
 * for its default, and -1 is what node:zlib takes for "not set", so neither would mean what it says.
 */
export function parseCompression(text: string): Compression {
  const [codec, level, ...rest] = text.split(':');
  const known = codec === 'auto' || codec === 'zstd' || codec === 'lz4' || codec === 'none';
  if (!known || rest.length > 0) throw fail('compression-invalid', `Compression "${text}" is not known.`);
  if (level === undefined) return { codec };
  const number = Number(level);
  if (codec !== 'zstd' || !/^-?\d{1,2}$/.test(level) || !validLevel(number)) {
    throw fail('compression-invalid', `Compression "${text}" has a level that is not offered.`);
  }
  return { codec, level: number };
}

function validLevel(level: number): boolean {
  return (level >= 1 && level <= 19) || (level >= -7 && level <= -2);
}

/** Compresses for one chunk. What does not shrink is stored: then `bytes` is `plaintext` itself, not a copy. */
export function compress(plaintext: Buffer, compression: Compression): { codec: Codec; bytes: Buffer } {
  const packed = attempt(plaintext, compression);
  if (packed === undefined || packed.bytes.length >= plaintext.length) return { codec: CODEC.stored, bytes: plaintext };
  return packed;
}

function attempt(plaintext: Buffer, { codec, level }: Compression): { codec: Codec; bytes: Buffer } | undefined {
  if (codec === 'none' || plaintext.length === 0) return undefined;
  if (codec === 'lz4') return { codec: CODEC.lz4, bytes: lz4CompressSync(plaintext).subarray(LZ4_PREFIX) };
  if (codec === 'auto' && looksIncompressible(plaintext)) return undefined;
  return { codec: CODEC.zstd, bytes: zstdCompress(plaintext, level ?? DEFAULT_LEVEL) };
}

function zstdCompress(plaintext: Buffer, level: number): Buffer {
  return zstdCompressSync(plaintext, {
    chunkSize: plaintext.length + ZSTD_SLACK,
    params: { [constants.ZSTD_c_compressionLevel]: level },
  });
}

/** Reverses `compress` with `plaintextLength` as a hard bound on the memory it may take; undefined when it does not fit exactly. */
export function decompress(codec: Codec, bytes: Buffer, plaintextLength: number): Buffer | undefined {
  if (codec === CODEC.stored) return bytes.length === plaintextLength ? bytes : undefined;
  if (plaintextLength === 0) return undefined;
  try {
    const plaintext = codec === CODEC.lz4 ? lz4(bytes, plaintextLength) : zstd(bytes, plaintextLength);
    return plaintext.length === plaintextLength ? plaintext : undefined;
  } catch {
    return undefined;
  }
}

function lz4(block: Buffer, plaintextLength: number): Buffer {
  const prefixed = Buffer.allocUnsafe(LZ4_PREFIX + block.length);
  prefixed.writeUInt32LE(plaintextLength);
  block.copy(prefixed, LZ4_PREFIX);
  return lz4UncompressSync(prefixed);
}

function zstd(frame: Buffer, plaintextLength: number): Buffer {
  return zstdDecompressSync(frame, {
    // One byte more than needed: an output buffer filled to the brim makes zlib allocate another.
    chunkSize: Math.max(plaintextLength + 1, 64),
    maxOutputLength: plaintextLength,
    params: { [constants.ZSTD_d_windowLogMax]: ZSTD_WINDOW_LOG },
  });
}
