import { execFile } from 'node:child_process';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { compareTrees } from '@sealift/workloads';
import type { DataSet } from '../data/sets.ts';
import type { Contender, Measured, Task } from './contender.ts';

export const CASES = ['first', 'unchanged', 'incremental', 'restore'] as const;
export type Case = (typeof CASES)[number];

/** One figure of one repetition. */
export interface Sample {
  set: string;
  case: Case;
  contender: string;
  measured: Measured;
}

export type MakeContender = (task: Task) => Promise<Contender>;

/**
 * One repetition of all cases with one data set: in each case the contenders take turns, and each begins with an empty
 * repository.
 *
 * @param work an empty folder
 * @throws when a restore differs from the data: figures of what does not come back compare nothing
 */
export async function measureOnce(set: DataSet, makers: MakeContender[], work: string): Promise<Sample[]> {
  const folder = join(work, 'data');
  const path = join(folder, set.name);
  await mkdir(folder);
  await set.make(path);
  const contenders: Contender[] = [];
  for (const [i, make] of makers.entries()) {
    const scratch = join(work, `contender-${i}`);
    await mkdir(scratch);
    contenders.push(await make({ folder, name: set.name, scratch, sparse: set.name.startsWith('filesystem') }));
  }
  const samples: Sample[] = [];
  for (const name of CASES) {
    if (name === 'incremental') await set.change(path);
    for (const contender of contenders) {
      await settleDisk();
      const measured = name === 'restore' ? await restore(contender, path, work) : await contender.backup();
      samples.push({ set: set.name, case: name, contender: contender.name, measured });
    }
  }
  return samples;
}

async function restore(contender: Contender, original: string, work: string): Promise<Measured> {
  const folder = join(work, 'restored');
  await mkdir(folder);
  const { measured, restored } = await contender.restore(folder);
  for (const { path, what, detail } of compareTrees(original, restored)) {
    // Holes are Sealift's business; others may write zeros instead.
    if (what === 'holes' && !contender.name.startsWith('sealift')) continue;
    throw new Error(`${contender.name} restored ${path} differently: ${what}, ${detail}. Nothing is reported.`);
  }
  await rm(folder, { recursive: true });
  return measured;
}

/** What one contender left to be written must not slow the next one. */
async function settleDisk(): Promise<void> {
  await promisify(execFile)('sync');
}
