import type { ChunkType } from '@sealift/crypto';

/** A chunk as it is stored: sealed (source-side) or plain inner (in-flight). */
export interface StoredChunk {
  type: ChunkType;
  body: Buffer;
}

/** Where a recovery point is read from: a target Transporter over a link, or a repository in reach. */
export interface PointSource {
  /** In-flight mode: the secret that keys the chunk ids of the repository. */
  readonly chunkSecret: Buffer | undefined;
  /** The manifest file of a point by UUID, or of the newest with `latest`. */
  readPoint(id: string): Promise<Buffer>;
  /** @throws Failure for a chunk that is missing or damaged in the repository */
  fetch(id: Buffer): Promise<StoredChunk>;
}
