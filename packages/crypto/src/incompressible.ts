import { constants, zstdCompressSync } from 'node:zlib';

/** Below this, trying is as cheap as asking. */
const WORTH_ASKING = 8 * 1024;

/** The histogram samples this many pieces of this many bytes, spread evenly. */
const PIECES = 32;
const PIECE_LENGTH = 128;

/** Length of the piece that is really compressed when the histogram looks random. */
const TRIAL_LENGTH = 32 * 1024;

/** A trial must save at least this share to call the data compressible. */
const WORTHWHILE = 0.03;

const SAMPLED = PIECES * PIECE_LENGTH;

/** Expected sum of squared byte counts of uniformly random bytes, and how far above it still counts as random. */
const RANDOM_SUM = SAMPLED + (SAMPLED * (SAMPLED - 1)) / 256;
const RANDOM_LIMIT = RANDOM_SUM * 1.1;

/**
 * Whether compressing is likely to be wasted time. A sampled byte histogram settles most cases in microseconds; data
 * with an even histogram may still repeat itself, so a piece from the middle has the last word.
 */
export function looksIncompressible(plaintext: Buffer): boolean {
  if (plaintext.length < WORTH_ASKING) return false;
  if (squaredCounts(plaintext) > RANDOM_LIMIT) return false;
  const start = Math.max(0, (plaintext.length - TRIAL_LENGTH) >> 1);
  const trial = plaintext.subarray(start, start + TRIAL_LENGTH);
  const packed = zstdCompressSync(trial, {
    chunkSize: trial.length + 1024,
    params: { [constants.ZSTD_c_compressionLevel]: 1 },
  });
  return packed.length > trial.length * (1 - WORTHWHILE);
}

function squaredCounts(plaintext: Buffer): number {
  const counts = new Uint32Array(256);
  const stride = Math.floor((plaintext.length - PIECE_LENGTH) / (PIECES - 1));
  for (let piece = 0; piece < PIECES; piece++) {
    const start = piece * stride;
    for (let i = start; i < start + PIECE_LENGTH; i++) {
      const byte = plaintext[i] as number;
      counts[byte] = (counts[byte] as number) + 1;
    }
  }
  return counts.reduce((sum, count) => sum + count * count, 0);
}
