import type { IndexedPack, PackTable } from '../index/pack-table.ts';
import { isPackName } from '../layout.ts';
import { forEachChunk, type Marks } from './marks.ts';

/** What is to be done with the packs of a repository, by their numbers. */
export interface Plan {
  /** Nothing in them is needed. */
  dead: number[];
  /** Little in them is needed, or they are to be sealed anew. */
  sparse: number[];
  /** Bytes of needed records, by number of the pack. */
  needed: Float64Array;
  /** Records nobody needs in packs that stay as they are, bytes. */
  waiting: number;
}

/** Finished packs that can be read whole: others are left to salvage and repair. */
export function settledPacks(table: PackTable): number[] {
  const numbers: number[] = [];
  for (let number = 0; number < table.packCount; number++) {
    const { name, retired, length } = table.pack(number);
    if (!retired && length > 0 && isPackName(name)) numbers.push(number);
  }
  return numbers;
}

/** Counts what is needed in each pack and sorts the packs: dead ones, those to rewrite, those that stay. */
export async function planCollection(
  of: { table: PackTable; marks: Marks; threshold: number; outdated: (pack: IndexedPack) => boolean },
  signal: AbortSignal,
): Promise<Plan> {
  const { table, marks, threshold, outdated } = of;
  const packs = settledPacks(table);
  const needed = new Float64Array(table.packCount);
  await forEachChunk(
    table,
    (index, entry) => {
      const pack = index.packOf(entry);
      // A pack begun since then belongs to a running backup.
      if (pack < needed.length && marks.mustStay(index, entry))
        needed[pack] = (needed[pack] as number) + index.lengthOf(entry);
    },
    signal,
  );
  const plan: Plan = { dead: [], sparse: [], needed, waiting: 0 };
  for (const number of packs) {
    const { recordBytes, damaged } = table.pack(number);
    const use = needed[number] as number;
    if (damaged) continue;
    if (use === 0) plan.dead.push(number);
    else if (use < threshold * recordBytes || outdated(table.pack(number))) plan.sparse.push(number);
    else plan.waiting += recordBytes - use;
  }
  return plan;
}
