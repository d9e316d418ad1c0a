import { lstatSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { toFailure } from '@sealift/core';
import { compareTrees, type Difference } from '@sealift/workloads';
import type { ComparisonMessage, ComparisonRequest, ComparisonResult } from './comparison.ts';

/** Differences told one by one; beyond it only their number. */
const MOST_TOLD = 20;
const SLASH = 0x2f;

parentPort?.postMessage(answer(workerData as ComparisonRequest));

function answer(request: ComparisonRequest): ComparisonMessage {
  try {
    return { result: compare(request) };
  } catch (thrown) {
    return { failure: toFailure(thrown).toJSON() };
  }
}

function compare({ source, restored, leftOut, since }: ComparisonRequest): ComparisonResult {
  const result: ComparisonResult = { differences: [], count: 0, changedSince: 0, ownersKept: 0 };
  const aside = leftOut.map((path) => Buffer.from(path, 'latin1'));
  for (const difference of compareTrees(source, restored)) {
    const path = absolute(source, restored, difference);
    if (aside.some((place) => isWithin(Buffer.concat([Buffer.from(`${source}/`), place]), path))) continue;
    if (lastChange(path) > since) result.changedSince++;
    else if (difference.what === 'owner' && process.geteuid?.() !== 0) result.ownersKept++;
    else if (++result.count <= MOST_TOLD) {
      result.differences.push(`${path.toString()}: ${difference.what}: ${difference.detail}`);
    }
  }
  return result;
}

/** The place in the source. Entries are named from the root, what cannot be read by its whole path in either tree. */
function absolute(source: string, restored: string, { path }: Difference): Buffer {
  const copy = Buffer.from(restored);
  if (isWithin(copy, path)) return Buffer.concat([Buffer.from(source), path.subarray(copy.length)]);
  if (path[0] === SLASH) return path;
  return path.equals(Buffer.from('.')) ? Buffer.from(source) : Buffer.concat([Buffer.from(`${source}/`), path]);
}

function isWithin(place: Buffer, path: Buffer): boolean {
  if (!path.subarray(0, place.length).equals(place)) return false;
  return path.length === place.length || path[place.length] === SLASH;
}

/** When the entry last changed, ms since 1970; of one that is gone, when the folder it was in did. */
function lastChange(path: Buffer): number {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  const slash = path.lastIndexOf(SLASH);
  if (stat !== undefined || slash <= 0) return stat?.ctimeMs ?? 0;
  return lastChange(path.subarray(0, slash));
}
