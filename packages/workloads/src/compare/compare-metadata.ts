import type { FoundEntry } from '../entry.ts';
import type { Difference } from './compare-trees.ts';

export type Found = Omit<Difference, 'path'>;

/** What is compared, as text that is equal when the entries are and readable when they are not. */
const ASPECTS: [Found['what'], (entry: FoundEntry) => string][] = [
  ['mode', (entry) => (entry.kind === 'symlink' ? '' : entry.mode.toString(8))],
  ['owner', (entry) => `${entry.uid}:${entry.gid}`],
  ['mtime', (entry) => `${entry.mtimeNs} ns`],
  ['size', (entry) => `${entry.size} bytes`],
  ['target', (entry) => text(entry.linkTarget)],
  ['links', (entry) => (entry.hardLink === undefined ? 'a first name' : `another name of ${text(entry.hardLink)}`)],
  ['device', (entry) => entry.device?.join(':') ?? ''],
  [
    'xattrs',
    (entry) => (entry.xattrs ?? []).map(([name, value]) => `${text(name)}=${value.toString('hex')}`).join(' '),
  ],
];

export function* compareMetadata(x: FoundEntry, y: FoundEntry): Generator<Found, void, undefined> {
  if (x.kind !== y.kind) {
    yield { what: 'kind', detail: `${x.kind} has become ${y.kind}` };
    return;
  }
  for (const [what, aspect] of ASPECTS) {
    const before = aspect(x);
    const after = aspect(y);
    if (before !== after) yield { what, detail: `${before || 'none'} has become ${after || 'none'}` };
  }
}

/** Latin1 shows every byte, so no two different names look the same. */
function text(bytes: Buffer | undefined): string {
  return bytes === undefined ? '' : JSON.stringify(bytes.toString('latin1'));
}
