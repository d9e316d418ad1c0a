import type { Failure } from '@sealift/core';
import type { ChunkType, RunRecord } from '@sealift/crypto';
import type { RepositoryEncryption } from './at-rest/repository-encryption.ts';
import type { Rotation } from './at-rest/rotate-master-key.ts';
import type { ChunkWriter } from './chunk-writer.ts';
import type { Lookup } from './index/pack-table.ts';
import type { PointCopy } from './point-copy.ts';
import type { PointRecord } from './points.ts';
import type { ReferenceCollector } from './references.ts';
import type { Removal } from './removals.ts';
import type { CollectOptions, CollectReport } from './upkeep/collection.ts';
import type { Repair, RepairOptions } from './upkeep/repair.ts';
import type { Verification, VerifyOptions } from './upkeep/verify.ts';
import type { ZoneSecrets } from './zones/zone-secrets.ts';

export interface RepositoryStats {
  points: number;
  /** Distinct chunks, bundle members not counted. */
  chunks: number;
  /** Of all packs. */
  storedBytes: number;
  /** As last measured: at opening, with each finished pack and after each `stats`; absent where nobody can tell. */
  freeBytes?: number;
}

export interface PointToCommit {
  pointId: string;
  manifest: Buffer;
  references: ReferenceCollector;
  /** The point is locked for so long from its receipt, ms, or as long as the repository demands, before it becomes visible. */
  lockFor?: number;
}

export interface PointRuns {
  /** SHA-256 of the recovery point file. */
  hash: Buffer;
  runs: RunRecord[];
  missingCount: number;
  /** Its reference list was made anew by a repair. */
  rebuilt?: boolean;
}

/** An open repository. Disposing finishes what is being written and gives the lease back. */
export interface Repository extends AsyncDisposable {
  /** UUID. */
  readonly id: string;
  /** Encryption at rest, if it was chosen at creation. While it is locked, in-flight chunks are out of reach. */
  readonly encryption: RepositoryEncryption | undefined;
  /** 32 bytes from which the ids of in-flight chunks of the own zone are derived. @throws Failure `repository-locked` */
  readonly dedupSecret: Buffer;
  /** The same for every zone: a copied in-flight point keeps the zone of the repository that it was made in. */
  readonly zones: ZoneSecrets;
  readonly readOnly: boolean;
  /** Damage found while opening: each names the pack or point and says what is left of it. Jumps of the clock come later. */
  readonly problems: readonly Failure[];
  /** What the index keeps on the disk of this machine is damaged: look-ups fail until the repository is opened anew. */
  readonly isIndexDamaged: boolean;
  /** Only durable chunks count as there; one that is stays there for as long as a session that is open now. */
  lookup(zone: Buffer, id: Buffer): Lookup;
  /**
   * For one session: its packs hold chunks of one zone, sealed in one run. If it tells which point it is for, what it
   * stores survives collections until that point is committed, or was given up for a day.
   */
  writer(session: { zone: Buffer; run?: RunRecord; pointId?: string }): ChunkWriter;
  /**
   * A chunk, checked against its checksum: as it was put, or, of an in-flight chunk in a repository that is encrypted at
   * rest, what was sealed. In memory of its own, so it can be transferred.
   */
  readChunk(zone: Buffer, id: Buffer, signal?: AbortSignal): Promise<{ type: ChunkType; body: Buffer }>;
  points(): Promise<PointRecord[]>;
  /** The recovery point file as it was committed. */
  readPoint(id: string): Promise<{ manifest: Buffer; record: PointRecord }>;
  /** The runs under which the chunks that a point refers to are sealed, and how many of these chunks are missing. */
  pointRuns(id: string): Promise<PointRuns>;
  /** Certificates (DER) of the authorities under which its points were made, as far as they were kept. */
  authorities(): Promise<Buffer[]>;
  /** What another repository needs to hold the same point. @throws Failure `repository-locked`, `zone-unknown` */
  pointCopy(id: string): Promise<PointCopy>;
  references(of: { pointId: string; zone: Buffer }): Promise<ReferenceCollector>;
  /** Makes a point visible, whole and durable, or changes nothing. The same bytes again give the same record. */
  commitPoint(commit: PointToCommit): Promise<PointRecord>;
  /** Locks a point until then (ms since 1970), or extends its lock. Nothing and nobody shortens it. */
  lockPoint(id: string, until: number): Promise<PointRecord>;
  /** For how long every point is locked at least from its receipt, ms; 0: not at all. */
  readonly leastLock: number;
  /** Lengthens it for the points that are committed from now on, at most to ten years. Nothing and nobody shortens it. */
  lengthenLeastLock(period: number): Promise<void>;
  /** Keeps a point until it is released. A new reason takes the place of the old one. */
  holdPoint(id: string, reason: string): Promise<PointRecord>;
  releasePoint(id: string): Promise<PointRecord>;
  /**
   * The point is gone, durably, when this resolves; the space its chunks take comes back with a collection. Refused with
   * `point-locked` or `point-held`. `reason` says why and by whom, and is kept in the log of removals.
   */
  removePoint(id: string, of: { reason: string }): Promise<void>;
  /**
   * Gives back the space of what no recovery point needs, while backups and restores go on. Refused with
   * `collection-running`, and with `collection-blocked` if what a point needs cannot be told. May be cut off at any time.
   */
  collect(options: CollectOptions, signal: AbortSignal): Promise<CollectReport>;
  /** A collection that also seals everything under a new master key, or goes on with that. See `rotate-master-key.ts`. */
  rotateMasterKey(options: CollectOptions & { resumed: boolean }, signal: AbortSignal): Promise<Rotation>;
  /** The log of removals, the newest first. */
  removals(limit: number): Promise<Removal[]>;
  /** The time by which locks are judged, ms since 1970: it never goes back and does not follow a sudden jump. */
  now(): number;
  stats(): RepositoryStats;
  /** Reads what is stored, or a part of it, and compares it with its checksums. Others may write meanwhile. */
  verify(options: VerifyOptions, signal?: AbortSignal): Promise<Verification>;
  /** Mends what verifications have found as far as that can be done here. Refused while a collection runs. */
  repair(options: RepairOptions, signal?: AbortSignal): Promise<Repair>;
}
