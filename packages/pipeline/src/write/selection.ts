import { isUnder, type TreeEntry } from '@sealift/repository';
import { excludeRules } from '@sealift/workloads';

/**
 * The entries that `patterns` choose, with all below a chosen folder and the folders above what is chosen. Patterns are
 * those of exclude rules, matched against the path in the tree. No patterns choose everything.
 */
export async function* selectEntries(
  entries: AsyncIterable<TreeEntry>,
  patterns: string[],
): AsyncGenerator<TreeEntry, void, undefined> {
  if (patterns.length === 0) {
    yield* entries;
    return;
  }
  const rules = excludeRules(patterns);
  const chosenBy = ({ path, kind }: TreeEntry) =>
    rules.excludes(path.toString('latin1').split('/'), kind === 'directory');
  let chosenFolder: Buffer | undefined;
  let waiting: TreeEntry[] = [];
  for await (const entry of entries) {
    waiting = waiting.filter(({ path }) => isUnder(entry.path, path));
    const within = chosenFolder !== undefined && isUnder(entry.path, chosenFolder);
    if (within || chosenBy(entry)) {
      yield* waiting;
      waiting = [];
      yield entry;
      if (!within && entry.kind === 'directory') chosenFolder = entry.path;
    } else if (entry.kind === 'directory') {
      waiting.push(entry);
    }
  }
}
