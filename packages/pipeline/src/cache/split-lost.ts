import { decodeEntry } from '@sealift/repository';
import { describeSource, findAgain } from '@sealift/workloads';
import type { Walked } from '../read/plan-work.ts';
import { problemOf } from '../read/problems.ts';
import type { OnProblem } from '../read/read-work.ts';
import type { NamedRoot } from '../tree/root-names.ts';
import { type CachedEntry, ID_BYTES, readEntries, readHead } from './page.ts';
import { PageBuilder } from './page-builder.ts';

/**
 * Takes a page of unchanged entries apart of which the target has lost chunks: those of which it has everything, and
 * the others, looked at again to be read.
 *
 * @param present 1 for each id of the page that the target has
 */
export function* splitLost(
  page: Buffer,
  present: Uint8Array,
  { roots, warn }: { roots: NamedRoot[]; warn: OnProblem },
): Generator<Walked> {
  const { ids } = readHead(page);
  const lost = new Set<string>();
  for (let i = 0; i * ID_BYTES < ids.length; i++) {
    if (present[i] === 0) lost.add(ids.toString('latin1', i * ID_BYTES, (i + 1) * ID_BYTES));
  }
  let whole = new PageBuilder();
  for (const entry of readEntries(page)) {
    if (!entry.ids.some((id) => lost.has(id.toString('latin1')))) {
      whole.add(entry);
      continue;
    }
    if (whole.count > 0) yield { kept: whole.finish(undefined) };
    whole = new PageBuilder();
    yield again(entry, roots, warn);
  }
  if (whole.count > 0) yield { kept: whole.finish(undefined) };
}

function again({ encoded, path }: CachedEntry, roots: NamedRoot[], warn: OnProblem): Walked {
  const known = decodeEntry(Buffer.from(encoded));
  const absolute = absolutePath(path, roots);
  try {
    const entry = findAgain(absolute, known);
    if (entry !== undefined) return { entry };
    warn(absolute, { code: 'changed', message: 'it was replaced or deleted while the backup was running' });
  } catch (thrown) {
    const problem = problemOf(thrown);
    if (problem === undefined) throw thrown;
    warn(absolute, problem);
  }
  return { missing: Buffer.from(path) };
}

/** Where an entry of the tree is on the machine; links in the path of the root are followed, as by the walk. */
function absolutePath(path: Buffer, roots: NamedRoot[]): Buffer {
  const slash = path.indexOf('/');
  const name = slash < 0 ? path : path.subarray(0, slash);
  const root = roots.find((one) => one.name.equals(name)) as NamedRoot;
  const { path: real } = describeSource(root.path);
  return slash < 0 ? real : Buffer.concat([real, path.subarray(slash)]);
}
