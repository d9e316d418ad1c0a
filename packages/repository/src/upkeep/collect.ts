import { toFailure } from '@sealift/core';
import { fail } from '../failures.ts';
import type { IndexedPack } from '../index/pack-table.ts';
import { GRACE } from '../sessions.ts';
import { pointsWithoutSpare } from '../spare-points.ts';
import type { Collection, CollectOptions, CollectReport } from './collection.ts';
import { markPoints } from './mark-points.ts';
import { Marks } from './marks.ts';
import { Pace } from './pace.ts';
import { repackSparse } from './repack.ts';
import { sweepDead } from './sweep.ts';
import { type Plan, planCollection, settledPacks } from './usage.ts';

const THRESHOLD = 0.6;

export interface CollectHost
  extends Pick<Collection, 'store' | 'table' | 'sessions' | 'confirmLease' | 'onStored' | 'resealing'> {
  /** Writes the second copy of a recovery point, if it is there still. */
  keepSpare(pointId: string): Promise<void>;
}

/**
 * Mark, then sweep, while backups and restores go on. What no recovery point refers to and no backup has used for the
 * grace is dead; packs that are all dead are deleted, packs that mostly are get rewritten. Nothing is remembered between
 * collections: one that was cut off is made good by the next.
 */
export async function collect(host: CollectHost, options: CollectOptions, signal: AbortSignal): Promise<CollectReport> {
  const began = performance.now();
  const { dryRun = false, threshold = THRESHOLD, grace = GRACE } = options;
  if (!(threshold >= 0 && threshold <= 1) || !(grace >= 0)) {
    throw fail('format-limit', `A collection with threshold ${threshold} and grace ${grace} ms makes no sense.`);
  }
  await host.confirmLease();
  const { table, sessions } = host;
  const marks = new Marks(table, sessions.cutoff(grace));
  const collection: Collection = {
    ...host,
    marks,
    pace: new Pace(options.bytesPerSecond),
    onProgress: (progress) => options.onProgress?.({ ...progress, bytesFreed: report.bytesFreed }),
    report: begin(host, dryRun),
  };
  const { report } = collection;
  const onMarked = (done: number, total: number) => collection.onProgress({ phase: 'mark', done, total });
  const marked = await markPoints({ ...collection, onProgress: onMarked }, signal);
  report.points = marked.points;
  report.chunksMissing = marked.missing;
  const outdated = (pack: IndexedPack) => host.resealing?.concerns(pack) === true;
  const plan = await planCollection({ table, marks, threshold, outdated }, signal);
  report.bytesWaiting = plan.waiting;
  try {
    if (dryRun) foretell(collection, plan);
    else {
      await carryOut(collection, plan, grace, signal);
      await keepSpares(collection, host, signal);
    }
  } finally {
    for (const index of table.indexes()) if (index.isWasteful) index.compact();
  }
  report.durationMs = performance.now() - began;
  return report;
}

function begin({ table }: CollectHost, dryRun: boolean): CollectReport {
  const { packs, bytes } = sizeOf(table);
  const counts = { points: 0, packsDead: 0, packsRepacked: 0, bytesFreed: 0, bytesRepacked: 0, bytesWaiting: 0 };
  const sizes = { packsBefore: packs, packsAfter: packs, bytesBefore: bytes, bytesAfter: bytes };
  return { dryRun, ...counts, ...sizes, chunksMissing: 0, durationMs: 0, problems: [] };
}

/** A full disk is no obstacle to the sweep, which writes nothing; so it comes first. */
async function carryOut(collection: Collection, plan: Plan, grace: number, signal: AbortSignal): Promise<void> {
  const { table, sessions, report } = collection;
  await sweepDead(collection, plan.dead, signal);
  await repackSparse(collection, plan.sparse, signal);
  await sessions.forgetLapsed(Math.max(grace, GRACE));
  const { packs, bytes } = sizeOf(table);
  report.packsAfter = packs;
  report.bytesAfter = bytes;
}

/** After space came back. What a full disk or a damaged point keeps from being written is tried again by the next one. */
async function keepSpares({ store, report }: Collection, host: CollectHost, signal: AbortSignal): Promise<void> {
  for (const id of await pointsWithoutSpare(store)) {
    signal.throwIfAborted();
    try {
      await host.keepSpare(id);
    } catch (thrown) {
      const failure = toFailure(thrown);
      if (failure.kind === 'retry' || failure.kind === 'bug') throw failure;
      report.problems.push(failure);
    }
  }
}

function foretell({ table, report }: Collection, { dead, sparse, needed }: Plan): void {
  for (const number of dead) report.bytesFreed += table.pack(number).length;
  for (const number of sparse) {
    report.bytesFreed += table.pack(number).recordBytes - (needed[number] as number);
    report.bytesRepacked += needed[number] as number;
  }
  report.packsDead = dead.length;
  report.packsRepacked = sparse.length;
  report.bytesAfter -= report.bytesFreed;
}

function sizeOf(table: CollectHost['table']): { packs: number; bytes: number } {
  const packs = settledPacks(table);
  return { packs: packs.length, bytes: packs.reduce((sum, number) => sum + table.pack(number).length, 0) };
}
