import { CHUNK_HEADER_LENGTH, MAX_INNER_LENGTH } from '@sealift/crypto';

/** Bytes of every chunk id, SHA-256 and HMAC-SHA-256. */
export const ID_LENGTH = 32;
/** Bytes of a dedup zone and of a UUID. */
export const ZONE_LENGTH = 16;
/** Longest stored body of a chunk: header, longest inner, tag. */
export const LONGEST_BODY = CHUNK_HEADER_LENGTH + MAX_INNER_LENGTH + 16;
/** Paths, link targets and xattr names are bounded by their u16 lengths. */
export const LONGEST_PATH = 0xffff;
/** Linux allows 64 KiB a value; other systems more. */
export const LONGEST_XATTR_VALUE = 1024 * 1024;
/** Most bundle members: a 16 MiB bundle of 1-byte files would have fewer. */
export const MOST_MEMBERS = 1 << 19;
/** Nodes above the pages of a tree; with at least 2 children a node this is never reached by a real tree. */
export const MOST_LEVELS = 16;
/** Longest manifest, enough for 50,000 runs. */
export const LONGEST_MANIFEST = 8 * 1024 * 1024;
