import type { ChunkType } from '@sealift/crypto';

/**
 * An entry of a hash index, in u32 words: 0-7 id; 8 type (4 bits, 0 for a member of a bundle) and pack number; 9 offset,
 * or entry of the bundle; 10 length, or ordinal in the bundle.
 */
export const WORDS_PER_ENTRY = 11;
export const ENTRY_BYTES = WORDS_PER_ENTRY * 4;
const PACK_BITS = 28;
const PACK_MASK = 2 ** PACK_BITS - 1;
/** Most packs one repository can have while it is open. */
export const MOST_PACKS = PACK_MASK;
/** Type of an entry that is a member of a bundle, not a chunk. */
export const MEMBER = 0;
/** In place of the bundle of a member: the id is not known any more. */
export const GONE = 0xffffffff;

/** Where a chunk's record stands. */
export interface ChunkPlace {
  type: ChunkType;
  /** Number of the pack in the pack table. */
  pack: number;
  offset: number;
  length: number;
}

export function packWord(type: ChunkType, pack: number): number {
  return ((type << PACK_BITS) | pack) >>> 0;
}

export function typeIn(word8: number): number {
  return word8 >>> PACK_BITS;
}

export function packIn(word8: number): number {
  return word8 & PACK_MASK;
}
