import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { compareTrees } from '@sealift/workloads';
import type { Test } from 'tap';
import { type BackedUp, type Pair, pair } from './pair.ts';
import { makeTree } from './sources.ts';

/** Longer than the times of a local filesystem need to settle, ms. */
export const SETTLING = 3_500;

/** A pair, and a tree that nobody has touched for a while. */
export async function settledPair(): Promise<{ both: Pair; source: string; cache: string }> {
  const both = await pair();
  const source = join(both.folder, 'data');
  makeTree(source);
  // Small files of different contents, so that the tree has several pages.
  mkdirSync(join(source, 'wide'));
  for (let i = 0; i < 2500; i++) writeFileSync(join(source, 'wide', `${'long name '.repeat(8)}${i}`), `${i}`);
  await new Promise((resolve) => setTimeout(resolve, SETTLING));
  return { both, source, cache: join(both.folder, 'cache') };
}

let restores = 0;

/** Whether a point gives back what is at the source. */
export async function holds(
  t: Test,
  both: Pair,
  made: BackedUp,
  mode: 'in-flight' | 'source-side',
  source: string,
): Promise<void> {
  const at = join(both.folder, `restored-${restores++}`);
  const { warned } = await both.restore(made.pointId, mode, at);
  t.same(warned, []);
  t.same([...compareTrees(source, join(at, 'data'))], []);
  rmSync(at, { recursive: true });
}
