import { createHash } from 'node:crypto';

/** A candidate cut point turns up about every 2^14 bytes: often enough to hit a chunk size of 1 MiB well, rare enough for a PRF. */
const CANDIDATE_MASK = 0xfffc0000;

/**
 * The Gear table: 256 public words. Secrecy is not their job (keyed Gear tables are recovered from chunk lengths,
 * ePrint 2025/532); the PRF behind them decides. Word i = first four bytes of SHA-256("sealift/v1/gear" || i).
 */
const GEAR: Int32Array = Int32Array.from({ length: 256 }, (_, i) =>
  createHash('sha256').update('sealift/v1/gear').update(Uint8Array.of(i)).digest().readInt32BE(0),
);

/**
 * Finds the candidate cut points of a buffer: every position `p` (a cut would fall before byte `p`) at which the top
 * 14 bits of the 32-bit Gear hash of the 32 bytes before it are zero. Positions depend on content alone, not on where
 * the buffer starts (from position 32 on).
 *
 * @returns how many positions were written to `into`, ascending
 */
export function findCandidates(bytes: Uint8Array, length: number, into: Uint32Array): number {
  let hash = 0;
  let found = 0;
  const even = length & ~1;
  for (let at = 0; at < even; at += 2) {
    hash = ((hash << 1) + (GEAR[bytes[at] as number] as number)) | 0;
    if ((hash & CANDIDATE_MASK) === 0) into[found++] = at + 1;
    hash = ((hash << 1) + (GEAR[bytes[at + 1] as number] as number)) | 0;
    if ((hash & CANDIDATE_MASK) === 0) into[found++] = at + 2;
  }
  return found;
}
