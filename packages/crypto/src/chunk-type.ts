/** What a chunk holds. The type enters its id and its key, so one type can never be passed off as another. */
export const CHUNK_TYPE = { data: 1, tree: 2, catalog: 3, manifest: 4, references: 5, bundle: 6 } as const;
export type ChunkType = (typeof CHUNK_TYPE)[keyof typeof CHUNK_TYPE];

/** Longest plaintext of one chunk, bytes: a bound for hostile lengths, four times the chunker's maximum. */
export const MAX_CHUNK_PLAINTEXT = 16 * 1024 * 1024;

export function isChunkType(value: number): value is ChunkType {
  return Number.isInteger(value) && value >= 1 && value <= 6;
}
