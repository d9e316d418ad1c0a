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
  const result: ComparisonResult = { differences: [], count: 0, changedSince: 0 };
  const aside = leftOut.map((path) => Buffer.from(path));
  for (const difference of compareTrees(source, restored)) {
    const path = absolute(source, difference);
    if (aside.some((place) => isWithin(Buffer.concat([Buffer.from(`${source}/`), place]), path))) continue;
    if (lastChange(path) > since) {
      result.changedSince++;
      continue;
    }
    result.count++;
    if (result.count <= MOST_TOLD) {
      result.differences.push(`${path.toString()}: ${difference.what}: ${difference.detail}`);
    }
  }
  return result;
}

/** Entries are named from the root of the source, what cannot be read by its whole path. */
function absolute(source: string, { path }: Difference): Buffer {
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
