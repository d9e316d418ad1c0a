import type { ChunkType, RunRecord } from '@sealift/crypto';
import { fail } from './failures.ts';
import { openManifest } from './format/recovery-point.ts';
import type { PackTable } from './index/pack-table.ts';
import { namedReferences } from './point-runs.ts';
import { type ReadFrom, readChunk } from './read-chunk.ts';
import type { Store } from './store/store.ts';
import type { ZoneSecrets } from './zones/zone-secrets.ts';

/** A chunk as its reader gets it: sealed by its source, or, of an in-flight point, plain. */
export interface ChunkToCopy {
  type: ChunkType;
  id: Buffer;
  /** Ids of the members of a bundle, end to end. */
  members: Buffer;
  body: Buffer;
}

/** A stored recovery point with all that it refers to, for a repository that is to hold the same. */
export interface PointCopy {
  pointId: string;
  jobId: string;
  /** SHA-256 of the manifest file. */
  hash: Buffer;
  /** The manifest file. */
  manifest: Buffer;
  /** What its chunks are sealed by. */
  by:
    | {
        mode: 'source-side' /** The run that made it. */;
        run: RunRecord /** @throws Failure `chunk-missing` */;
        runOf(id: Buffer): RunRecord;
      }
    | { mode: 'in-flight'; zone: Buffer /** Keys the ids of its zone, 32 bytes. */; dedupSecret: Buffer };
  /** Of its reference list. */
  summary: { count: number; hash: Buffer };
  /** The ids of its reference list in order, end to end, at most 4096 at a time. */
  references(): AsyncGenerator<Buffer, void, undefined>;
  /** The body in memory of its own. @throws Failure `chunk-missing`, `chunk-damaged` */
  read(id: Buffer): Promise<ChunkToCopy>;
}

interface Host {
  parts: { store: Store; table: PackTable };
  zones: ZoneSecrets;
  /** How chunks of a zone are read. */
  from(zone: Buffer): ReadFrom;
}

export function pointCopy({ parts, zones, from }: Host, file: Buffer): PointCopy {
  const { manifest, hash } = openManifest(file);
  const { pointId, jobId, zone, run, references } = manifest;
  const { store, table } = parts;
  const runOf = (id: Buffer) => {
    const found = table.chunk(zone, id);
    if (found !== undefined) return table.run(found.in.run);
    throw fail('chunk-missing', `Chunk ${id.toString('hex')} is not in the repository ${store.location}.`);
  };
  return {
    pointId,
    jobId,
    hash,
    manifest: file,
    by:
      run === undefined
        ? { mode: 'in-flight', zone, dedupSecret: zones.of(zone) }
        : { mode: 'source-side', run, runOf },
    summary: references,
    references: () => namedReferences(store, pointId),
    read: async (id) => {
      const { type, members, body } = await readChunk(from(zone), { zone, id }, undefined);
      // Copied, for the memory that the body lies in is given back when it was sent.
      return { type, id: Buffer.from(id), members: Buffer.from(members), body };
    },
  };
}
