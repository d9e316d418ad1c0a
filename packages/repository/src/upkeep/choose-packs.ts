import { orderedParallel, toFailure } from '@sealift/core';
import type { Store } from '../store/store.ts';
import type { PackHistory } from './pack-history.ts';

const DAY = 24 * 60 * 60 * 1000;
const READ_AHEAD = 16;

/** Which packs are to be read; without either, all of them. */
export interface PackChoice {
  /** So much of what is stored, what was read longest ago first. */
  percent?: number;
  /** As much as a daily run needs to read everything within so many days. */
  withinDays?: number;
}

export interface ChosenPack {
  name: string;
  length: number;
}

/** Those with known flaws, then those that were read longest ago, as many as the choice says. */
export async function choosePacks(
  store: Store,
  names: readonly string[],
  history: PackHistory,
  choice: PackChoice & { now: number },
): Promise<ChosenPack[]> {
  const packs: ChosenPack[] = [];
  for await (const pack of orderedParallel(names, READ_AHEAD, (name) => measured(store, name))) packs.push(pack);
  const due = dueBy(choice);
  const rank = ({ name }: ChosenPack) => {
    const { flaws, readAt, seenAt } = history.of(name);
    return { flawed: flaws > 0, readAt, due: (readAt || seenAt) <= due };
  };
  const ranked = packs.map((pack) => ({ pack, ...rank(pack) }));
  ranked.sort((a, b) => Number(b.flawed) - Number(a.flawed) || a.readAt - b.readAt);
  let left = shareOf(packs, choice);
  return ranked
    .filter(({ pack, flawed, due: isDue }) => {
      if (left <= 0 && !flawed && !isDue) return false;
      if (!flawed) left -= pack.length;
      return true;
    })
    .map(({ pack }) => pack);
}

function shareOf(packs: ChosenPack[], { percent, withinDays }: PackChoice): number {
  const total = packs.reduce((sum, { length }) => sum + length, 0);
  if (percent !== undefined) return (total * percent) / 100;
  return withinDays === undefined ? total + 1 : total / withinDays;
}

/** What was read last, or first seen, at this time or before must be read now. */
function dueBy({ withinDays, now }: PackChoice & { now: number }): number {
  return withinDays === undefined ? -1 : now - (withinDays - 1) * DAY;
}

/** A pack that is gone counts as empty: reading it will tell. */
async function measured(store: Store, name: string): Promise<ChosenPack> {
  try {
    return { name, length: (await store.readTail(name, 0)).length };
  } catch (thrown) {
    if (toFailure(thrown).code !== 'file-missing') throw thrown;
    return { name, length: 0 };
  }
}
