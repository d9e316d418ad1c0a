import { createHash } from 'node:crypto';
import { hostname, release, type } from 'node:os';
import { PRODUCT_VERSION } from '@sealift/core';
import { CHUNK_TYPE, type RunKey, type RunRecord, runsDigest } from '@sealift/crypto';
import { openManifest, sealManifest } from '@sealift/repository';
import type { Opened } from '@sealift/wire';
import type { BackupOptions, BackupOutcome, Sealing } from '../backup-options.ts';
import type { ReferenceList } from '../dedup/references.ts';
import { fail } from '../failures.ts';
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
export function storeBody(
  tree: FinishedTree,
  store: StoreChunk,
  { warnings, explanation }: { warnings: number; explanation: string | undefined },
): Promise<Buffer> {
  const { roots, top, totals, startedAt } = tree;
  const host = { name: hostname(), system: `${type()} ${release()}`, product: PRODUCT_VERSION };
  const known = explanation === undefined ? {} : { explanation };
  const body = { roots, tree: top, totals, host, startedAt, finishedAt: Date.now(), warnings, ...known };
  return store(CHUNK_TYPE.manifest, encodePointBody(body));
}

/** What a commit says of the point that it made. */
export type CommittedPoint = Pick<
  BackupOutcome,
  'hash' | 'sequence' | 'createdAt' | 'previous' | 'runsHash' | 'runSalt'
>;

/** The last step of a backup: references, manifest, signature, and the target's word that the point is durable. */
export async function commitPoint(
  options: BackupOptions,
  sealing: Sealing | undefined,
  session: BackupSession,
  opened: Opened,
  references: ReferenceList,
  body: Buffer,
): Promise<CommittedPoint> {
  const { runId: pointId, jobId, sourceId, mode, identity } = options;
  const createdAt = Date.now();
  const sequence = (opened.previous?.sequence ?? 0) + 1;
  const before = opened.previous === undefined ? {} : { previous: opened.previous.hash };
  const summary = await references.summary();
  // A link that is lost in between may have the manifest made again.
  const made = new Map<string, RunRecord[]>();
  const { hash } = await session.commit(references, (runs) => {
    const sealed = sealing === undefined ? {} : { descriptor: sealing.descriptor, run: recordOf(sealing.run) };
    const chain = { jobId, sourceId, sequence, ...before };
    const contents = { runs, references: summary, body };
    const file = sealManifest(
      { version: 1, pointId, createdAt, mode, zone: opened.zone, ...chain, ...sealed, ...contents },
      { identity, ...(sealing === undefined ? {} : { run: sealing.run }) },
    );
    made.set(createHash('sha256').update(file).digest('hex'), runs);
    return file;
  });
  const runs = made.get(hash.toString('hex'));
  if (runs === undefined) {
    throw fail('point-substituted', `The target says that it committed another point ${pointId} than it was sent.`);
  }
  return { hash, sequence, createdAt, ...before, ...digestOf(sealing?.run, runs) };
}

/** An earlier attempt of this run was cut off after its commit: nothing is left to do but to tell of it. */
export async function earlierOutcome(
  { runId: pointId, identity }: BackupOptions,
  session: BackupSession,
  meter: ProgressMeter,
): Promise<BackupOutcome> {
  const file = await session.readEarlierPoint(pointId);
  const { manifest, hash } = openManifest(file, { authority: identity.authority });
  if (manifest.pointId !== pointId || manifest.sourceId !== identity.id) {
    throw fail('point-substituted', `The target hands out recovery point ${manifest.pointId} as that of this run.`);
  }
  const { sequence, createdAt, previous } = manifest;
  const before = previous === undefined ? {} : { previous };
  const chain = { hash, sequence, createdAt, ...before, ...digestOf(manifest.run, manifest.runs) };
  return { pointId, ...chain, files: 0, bytes: 0, progress: meter.now() };
}

/** Its own run and all others whose chunks it refers to. */
function digestOf(own: RunRecord | undefined, runs: RunRecord[]): Pick<BackupOutcome, 'runsHash' | 'runSalt'> {
  return own === undefined ? {} : { runsHash: runsDigest([own, ...runs]), runSalt: own.runSalt };
}
