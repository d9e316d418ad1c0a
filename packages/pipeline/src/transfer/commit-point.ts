import { hostname, release, type } from 'node:os';
import { PRODUCT_VERSION } from '@sealift/core';
import { CHUNK_TYPE, type RunKey, type RunRecord } from '@sealift/crypto';
import { openManifest, sealManifest } from '@sealift/repository';
import type { Opened } from '@sealift/wire';
import type { BackupOptions, BackupOutcome, Sealing } from '../backup-options.ts';
import type { ReferenceList } from '../dedup/references.ts';
import type { ProgressMeter } from '../progress.ts';
import type { StoreChunk } from '../tree/index-levels.ts';
import { encodePointBody } from '../tree/point-body.ts';
import type { NamedRoot } from '../tree/root-names.ts';
import type { TreeTotals } from '../tree/tree-assembler.ts';
import type { BackupSession } from './backup-session.ts';

export function recordOf({ runSalt, epoch, commitment }: RunKey): RunRecord {
  return { runSalt, epoch, commitment };
}

export interface FinishedTree {
  roots: NamedRoot[];
  /** Id of the top chunk. */
  top: Buffer;
  totals: TreeTotals;
  startedAt: number;
}

/** Stores what the point says of itself, as a chunk like any other. @returns its id */
export function storeBody(tree: FinishedTree, store: StoreChunk, warnings: number): Promise<Buffer> {
  const { roots, top, totals, startedAt } = tree;
  const host = { name: hostname(), system: `${type()} ${release()}`, product: PRODUCT_VERSION };
  const body = { roots, tree: top, totals, host, startedAt, finishedAt: Date.now(), warnings };
  return store(CHUNK_TYPE.manifest, encodePointBody(body));
}

/** The last step of a backup: references, manifest, signature, and the target's word that the point is durable. */
export async function commitPoint(
  options: BackupOptions,
  sealing: Sealing | undefined,
  session: BackupSession,
  opened: Opened,
  references: ReferenceList,
  body: Buffer,
): Promise<{ hash: Buffer; sequence: number; createdAt: number }> {
  const { runId: pointId, jobId, sourceId, mode, identity } = options;
  const createdAt = Date.now();
  const sequence = (opened.previous?.sequence ?? 0) + 1;
  const summary = await references.summary();
  const { hash } = await session.commit(references, (runs) =>
    sealManifest(
      {
        version: 1,
        pointId,
        createdAt,
        mode,
        zone: opened.zone,
        jobId,
        sourceId,
        sequence,
        ...(opened.previous === undefined ? {} : { previous: opened.previous.hash }),
        ...(sealing === undefined ? {} : { descriptor: sealing.descriptor, run: recordOf(sealing.run) }),
        runs,
        references: summary,
        body,
      },
      { identity, ...(sealing === undefined ? {} : { run: sealing.run }) },
    ),
  );
  return { hash, sequence, createdAt };
}

/** An earlier attempt of this run was cut off after its commit: nothing is left to do but to tell of it. */
export async function earlierOutcome(
  { runId: pointId, identity }: BackupOptions,
  session: BackupSession,
  meter: ProgressMeter,
): Promise<BackupOutcome> {
  const file = await session.readEarlierPoint(pointId);
  const { manifest, hash } = openManifest(file, { authority: identity.authority });
  const { sequence, createdAt } = manifest;
  return { pointId, hash, sequence, createdAt, files: 0, bytes: 0, progress: meter.now() };
}
