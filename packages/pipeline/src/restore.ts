import type { Failure } from '@sealift/core';
import {
  CHUNK_TYPE,
  checkRun,
  chunkKeysFromSecret,
  type PointKeys,
  type RunRecord,
  type TaskKeys,
} from '@sealift/crypto';
import { type Manifest, openManifest } from '@sealift/repository';
import type { Link, Progress } from '@sealift/wire';
import type { RestorePolicy } from '@sealift/workloads';
import { chunkOpener, type OpeningKeys } from './decrypt/chunk-opener.ts';
import { LookSource, type SealedChunkName } from './decrypt/look-source.ts';
import { fail } from './failures.ts';
import { type PathWarning, ProgressMeter } from './progress.ts';
import type { PointSource } from './transfer/point-source.ts';
import { holdLink } from './transfer/reconnecting-link.ts';
import { RestoreSession } from './transfer/restore-session.ts';
import { decodePointBody, type PointBody } from './tree/point-body.ts';
import { TreeReader } from './tree/tree-reader.ts';
import { restoreTree } from './write/restore-tree.ts';
import { selectEntries } from './write/selection.ts';

/** How the keys of a source-side point are come by: those of the runs listed. */
export type KeysForRuns = (runs: RunRecord[], descriptor: Buffer) => Promise<Pick<TaskKeys, 'idKey' | 'runs'>>;

/** How a source-side point is looked into without the key of any run. */
export interface LookKeys {
  /** @param runs the run that made the point first */
  ofPoint: (runs: RunRecord[], descriptor: Buffer) => Promise<PointKeys>;
  ofChunk: (chunk: SealedChunkName) => Promise<Buffer>;
}

export interface PointOptions {
  /** UUID, or `latest`. */
  pointId: string;
  /** SHA-256 of its file, where that is known: another one is refused. */
  hash?: Buffer;
  /** Certificate of the authority that the signer of the point must have; not checked without. */
  authority?: string;
  keys?: KeysForRuns;
  /** In place of `keys`, for a look. */
  look?: LookKeys;
}

export interface LinkToPoint {
  runId: string;
  jobId: string;
  repositoryId: string;
  /** Dials the target with a fresh ticket. */
  connect: (signal: AbortSignal) => Promise<Link>;
  onReconnect?: (failure: Failure) => void;
}

export interface RestoreTarget {
  /** A folder, which is made if need be, or a block device. */
  destination: string;
  /** Patterns of paths; empty for everything. */
  only: string[];
  overwrite: RestorePolicy['overwrite'];
  workers: number;
  onProgress: (progress: Progress) => void;
  onWarning: (warning: PathWarning) => void;
}

export interface RestoreOutcome {
  progress: Progress;
  manifest: Manifest;
  body: PointBody;
}

/** A recovery point whose signature, keys and body were checked, ready to be read. */
export interface OpenPoint {
  manifest: Manifest;
  body: PointBody;
  keys: OpeningKeys;
  /** To fetch its chunks from. */
  source: PointSource;
  tree: TreeReader;
}

/** One restore over a link: the point and its chunks come from a target Transporter. */
export async function runRestore(
  options: PointOptions & LinkToPoint & RestoreTarget,
  signal: AbortSignal,
): Promise<RestoreOutcome> {
  using meter = new ProgressMeter('restoring', options.onProgress, options.onWarning);
  return await withRestoreSession(options, meter, signal, (source) => restorePoint(source, options, meter, signal));
}

/** Restores a point from wherever it is: open the point, walk its tree, fetch | decrypt | write. */
export async function restorePoint(
  source: PointSource,
  options: PointOptions & RestoreTarget,
  meter: ProgressMeter,
  signal: AbortSignal,
): Promise<RestoreOutcome> {
  const { manifest, body, keys, tree } = await openPoint(source, options, (failure) =>
    meter.warn({ path: Buffer.alloc(0), code: failure.code, message: failure.message }),
  );
  if (options.only.length === 0) meter.total(body.totals.bytes);
  const entries = selectEntries(tree, options.only);
  const { destination, overwrite, workers } = options;
  await restoreTree(
    { source, tree, entries, workerData: { destination, overwrite, keys, clock: meter.clock.memory }, workers, meter },
    signal,
  );
  return { progress: meter.now(), manifest, body };
}

/** @param onDamage told of pages of the tree that cannot be read */
export async function openPoint(
  source: PointSource,
  options: PointOptions,
  onDamage: (failure: Failure) => void,
): Promise<OpenPoint> {
  const file = await source.readPoint(options.pointId);
  const authority = options.authority === undefined ? {} : { authority: options.authority };
  const { manifest, hash } = openManifest(file, authority);
  if (options.hash !== undefined && !hash.equals(options.hash)) {
    throw fail(
      'point-substituted',
      `Recovery point ${options.pointId} is not the one that was recorded when it was made.`,
    );
  }
  if (options.pointId !== 'latest' && manifest.pointId !== options.pointId) {
    throw fail('point-substituted', `Recovery point ${manifest.pointId} came where ${options.pointId} was asked for.`);
  }
  const opened =
    options.look === undefined || manifest.mode === 'in-flight'
      ? { source, keys: await keysOf(file, manifest, source, options.keys) }
      : await lookInto(file, manifest, source, options.look);
  const open = chunkOpener(opened.keys);
  const body = decodePointBody(open(await opened.source.fetch(manifest.body), CHUNK_TYPE.manifest, manifest.body));
  return { manifest, body, ...opened, tree: new TreeReader(opened.source, open, body.tree, onDamage) };
}

/** What the password gives for the runs must match their commitments, and the manifest its MAC. */
async function lookInto(
  file: Buffer,
  manifest: Manifest,
  source: PointSource,
  { ofPoint, ofChunk }: LookKeys,
): Promise<{ source: PointSource; keys: OpeningKeys }> {
  const { records, descriptor } = recordsOf(manifest);
  const { idKey, manifestKey, commitments } = await ofPoint(records, descriptor);
  for (const [i, { commitment }] of records.entries()) {
    if (commitments[i]?.equals(commitment) !== true) {
      throw fail('run-key-wrong', `The password does not give the key of run ${i + 1} of point ${manifest.pointId}.`);
    }
  }
  openManifest(file, { manifestKey });
  const look = new LookSource(source, ofChunk);
  return { source: look, keys: { idKey, chunks: look.keys } };
}

/** Its runs, the one that made it first. */
function recordsOf({ pointId, run: own, runs, descriptor }: Manifest): { records: RunRecord[]; descriptor: Buffer } {
  if (own === undefined || descriptor === undefined) throw fail('keys-missing', `Point ${pointId} names no run.`);
  return { records: [own, ...runs.filter(({ runSalt }) => !runSalt.equals(own.runSalt))], descriptor };
}

/** The keys of a point. Those of source-side runs must match their commitments, and the manifest its MAC. */
async function keysOf(
  file: Buffer,
  manifest: Manifest,
  source: PointSource,
  keysForRuns: KeysForRuns | undefined,
): Promise<OpeningKeys> {
  const { run: own, descriptor } = manifest;
  if (own === undefined || descriptor === undefined) {
    if (source.chunkSecret === undefined) throw fail('keys-missing', 'The target sent no chunk secret.');
    return { idKey: chunkKeysFromSecret(source.chunkSecret).idKey };
  }
  if (keysForRuns === undefined) {
    throw fail('keys-missing', `The recovery point ${manifest.pointId} is encrypted with a password.`);
  }
  const { records } = recordsOf(manifest);
  const { idKey, runs } = await keysForRuns(records, descriptor);
  for (const record of records) {
    const run = runs.find(({ runSalt }) => Buffer.compare(runSalt, record.runSalt) === 0);
    // No key is given for a run whose chunks are all lost: they are damage, named one by one, and the rest is restored.
    if (run !== undefined) checkRun(run, record);
    else if (record === own) throw fail('keys-missing', 'There is no key for the run that made the point.');
  }
  openManifest(file, { runKey: ({ runSalt }) => runs.find((run) => Buffer.compare(run.runSalt, runSalt) === 0) });
  return { idKey, runs };
}

/** Runs `work` against a point source that is a session with a target, kept up until the work is done. */
export async function withRestoreSession<T>(
  options: LinkToPoint,
  meter: ProgressMeter | undefined,
  signal: AbortSignal,
  work: (source: PointSource) => Promise<T>,
): Promise<T> {
  const { connect, runId, jobId, repositoryId, onReconnect } = options;
  const session = new RestoreSession();
  const holding = holdLink(
    session,
    {
      connect,
      open: { purpose: 'restore', runId, jobId, repositoryId },
      onSent: (bytes) => meter?.add('bytesSent', bytes),
      ...(meter === undefined ? {} : { clock: meter.clock }),
      onLost: (failure) => {
        meter?.add('reconnects', 1);
        onReconnect?.(failure);
      },
    },
    signal,
  );
  holding.catch((thrown) => session.fail(thrown));
  try {
    await session.opened();
    const result = await work(session);
    session.finish();
    await holding;
    return result;
  } finally {
    session.finish();
  }
}
