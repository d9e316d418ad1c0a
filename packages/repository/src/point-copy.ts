import type { ChunkType, RunRecord } from '@sealift/crypto';
import { fail } from './failures.ts';
import { openManifest } from './format/recovery-point.ts';
import type { PackTable } from './index/pack-table.ts';
import { namedReferences } from './point-runs.ts';
import { readChunk } from './read-chunk.ts';
import type { RecordReader } from './read-record.ts';
import type { Store } from './store/store.ts';

/** A sealed chunk as it is stored. */
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
  /** The run that made it. */
  run: RunRecord;
  /** Of its reference list. */
  summary: { count: number; hash: Buffer };
  /** The ids of its reference list in order, end to end, at most 4096 at a time. */
  references(): AsyncGenerator<Buffer, void, undefined>;
  /** Under which run a chunk is sealed. @throws Failure `chunk-missing` */
  runOf(id: Buffer): RunRecord;
  /** The body in memory of its own. @throws Failure `chunk-missing`, `chunk-damaged` */
  read(id: Buffer): Promise<ChunkToCopy>;
}

interface Host {
  parts: { store: Store; table: PackTable };
  records: RecordReader;
}

/** In-flight ids are keyed by a secret of their repository, so such a point cannot stand in another one. */
export function pointCopy({ parts, records }: Host, file: Buffer): PointCopy {
  const { manifest, hash } = openManifest(file);
  const { pointId, jobId, zone, run, references } = manifest;
  if (run === undefined) {
    throw fail(
      'copy-needs-source-side',
      `Recovery point ${pointId} is of in-flight mode: copy needs source-side points.`,
    );
  }
  const { store, table } = parts;
  return {
    pointId,
    jobId,
    hash,
    manifest: file,
    run,
    summary: references,
    references: () => namedReferences(store, pointId),
    runOf: (id) => {
      const found = table.chunk(zone, id);
      if (found === undefined) {
        throw fail('chunk-missing', `Chunk ${id.toString('hex')} is not in the repository ${store.location}.`);
      }
      return table.run(found.in.run);
    },
    read: async (id) => {
      const { type, members, body } = await readChunk(
        { records, parts, encryption: undefined },
        { zone, id },
        undefined,
      );
      // Copied, for the memory that the body lies in is given back when it was sent.
      return { type, id: Buffer.from(id), members: Buffer.from(members), body };
    },
  };
}
