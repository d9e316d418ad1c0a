import { createHash } from 'node:crypto';
import type { Alarm } from '@sealift/wire';
import type { Repository } from '../db/repositories.ts';
import type { Differences, NamedPoint } from './compare-points.ts';

/** Points of each kind that an alarm names; the comparison in the API names a hundred. */
const NAMED = 5;

const KINDS = [
  ['missing', 'missing'],
  ['replaced', 'replaced by another'],
  ['unknown', 'unknown here'],
  ['outOfChain', 'out of the chain'],
] as const;

const ADVICE = {
  missing:
    'If the repository was put back from a copy, these points are lost: run their jobs again. If not, somebody removed ' +
    'them or keeps them back: leave the disk of the target as it is, and look for another copy of the repository.',
  unknown: 'Points that are rightly there but unknown here are recorded by: sealift repository adopt.',
};

export function countOf({ missing, replaced, unknown, outOfChain }: Differences): number {
  return missing.length + replaced.length + unknown.length + outOfChain.length;
}

/** Names a set of differences, so that the same one is an alarm once. */
export function digestOf(differences: Differences): string {
  const hash = createHash('sha256');
  for (const [kind] of KINDS) {
    const ids = differences[kind].map(({ id }) => id).sort();
    hash.update(`${kind}\n${ids.join('\n')}\n`);
  }
  return hash.digest('hex');
}

export function alarmOf(differences: Differences, { id, name, transporterName }: Repository): Alarm {
  const found = KINDS.filter(([kind]) => differences[kind].length > 0);
  const told = found.map(([kind, word]) => `${differences[kind].length} ${word}: ${listed(differences[kind])}`);
  const all = KINDS.flatMap(([kind]) => differences[kind]);
  const advice = differences.unknown.length === all.length ? ADVICE.unknown : ADVICE.missing;
  return {
    code: 'points-differ',
    message: `The target ${transporterName} shows other points of ${name} than were recorded. ${told.join('; ')}.`,
    advice: `${advice} All of them: sealift repository show ${name} --compare`,
    repository: { id, name },
    ...(all.length === 1 && all[0] !== undefined ? { point: all[0].id } : {}),
  };
}

function listed(points: NamedPoint[]): string {
  const names = points.slice(0, NAMED).map(({ id, sequence }) => `${id} (number ${sequence} of its job)`);
  return points.length > NAMED ? `${names.join(', ')}, …` : names.join(', ');
}
