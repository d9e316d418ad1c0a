import type { Failure } from '@sealift/core';
import type { ChunkType, RunRecord } from '@sealift/crypto';
import type { ChunkWriter } from './chunk-writer.ts';
import type { Lookup } from './index/pack-table.ts';
import type { PointRecord } from './points.ts';
import type { ReferenceCollector } from './references.ts';

export interface RepositoryStats {
  points: number;
  /** Distinct chunks, bundle members not counted. */
  chunks: number;
  /** Of all packs. */
  storedBytes: number;
  /** As last measured: at opening, with each finished pack and after each `stats`; absent where nobody can tell. */
  freeBytes?: number;
}

/** An open repository. Disposing finishes what is being written and gives the lease back. */
export interface Repository extends AsyncDisposable {
  /** UUID. */
  readonly id: string;
  /** 32 bytes from which the ids of in-flight chunks are derived. */
  readonly dedupSecret: Buffer;
  readonly readOnly: boolean;
  /** Damage found while opening: each names the pack or point and says what is left of it. */
  readonly problems: readonly Failure[];
  /** Only durable chunks count as there. */
  lookup(zone: Buffer, id: Buffer): Lookup;
  /** For one session: its packs hold chunks of one zone, sealed in one run. */
  writer(session: { zone: Buffer; run?: RunRecord }): ChunkWriter;
  /** The stored bytes of a chunk, checked against their checksum; in memory of their own, so they can be transferred. */
  readChunk(zone: Buffer, id: Buffer, signal?: AbortSignal): Promise<{ type: ChunkType; body: Buffer }>;
  points(): Promise<PointRecord[]>;
  /** The recovery point file as it was committed. */
  readPoint(id: string): Promise<{ manifest: Buffer; record: PointRecord }>;
  references(of: { pointId: string; zone: Buffer }): Promise<ReferenceCollector>;
  /** Makes a point visible, whole and durable, or changes nothing. The same bytes again give the same record. */
  commitPoint(commit: { pointId: string; manifest: Buffer; references: ReferenceCollector }): Promise<PointRecord>;
  stats(): RepositoryStats;
}
