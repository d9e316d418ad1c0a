import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Failure } from '@sealift/core';
import type { RunRecord } from '@sealift/crypto';
import type { PointCopy, ProtectionMode, Repository } from '@sealift/repository';
import type { Pair } from './pair.ts';
import { noise } from './sources.ts';

export const MIB = 1024 * 1024;

/** Two points, the second with the chunks of the first and some of its own. */
export async function twoPoints(
  both: Pair,
  length = 2 * MIB,
  mode: ProtectionMode = 'source-side',
): Promise<[PointCopy, PointCopy]> {
  const tree = join(both.folder, 'tree');
  mkdirSync(tree);
  writeFileSync(join(tree, 'film'), randomBytes(length));
  for (let i = 0; i < 30; i++) writeFileSync(join(tree, `note-${i}`), noise(`note-${i}`, 2_000));
  const first = await both.backup([tree], mode);
  writeFileSync(join(tree, 'clip'), noise('clip', MIB));
  const second = await both.backup([tree], mode);
  return [await both.repository.pointCopy(first.pointId), await both.repository.pointCopy(second.pointId)];
}

export async function chunksOf(point: PointCopy): Promise<Set<string>> {
  const ids = new Set<string>();
  for await (const batch of point.references()) {
    for (let at = 0; at < batch.length; at += 32) ids.add(batch.toString('hex', at, at + 32));
  }
  return ids;
}

/** Whether every chunk of the point is in the other repository as it is in the first. */
export async function isWhole(point: PointCopy, other: Repository): Promise<boolean> {
  const copied = await other.pointCopy(point.pointId);
  if (!copied.manifest.equals(point.manifest)) return false;
  for (const id of await chunksOf(point)) {
    const [one, two] = await Promise.all([point, copied].map((each) => each.read(Buffer.from(id, 'hex'))));
    if (!(one?.body.equals(two?.body ?? Buffer.alloc(0)) && one.members.equals(two?.members ?? one.body))) return false;
  }
  return (await other.pointRuns(point.pointId)).missingCount === 0;
}

/** The run that made a source-side point. */
export function runOf({ by }: PointCopy): RunRecord {
  if (by.mode === 'source-side') return by.run;
  throw new Error('an in-flight point has no run');
}

export async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
  } catch (thrown) {
    if (thrown instanceof Failure) return thrown.code;
    throw thrown;
  }
  return 'nothing';
}
