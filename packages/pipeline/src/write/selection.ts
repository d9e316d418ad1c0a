import { isUnder, type TreeEntry } from '@sealift/repository';
import { type ExcludeRules, excludeRules } from '@sealift/workloads';
import type { TreeReader } from '../tree/tree-reader.ts';

/**
 * The entries that `patterns` choose, with all below a chosen folder and the folders above what is chosen. Patterns are
 * those of exclude rules, matched against the path in the tree. No patterns choose everything.
 */
export async function* selectEntries(tree: TreeReader, patterns: string[]): AsyncGenerator<TreeEntry, void, undefined> {
  if (patterns.length === 0) {
    yield* tree.entries();
    return;
  }
  const rules = excludeRules(patterns);
  let foldersAbove: TreeEntry[] = [];
  for await (const entry of tree.entries()) {
    foldersAbove = foldersAbove.filter(({ path }) => isUnder(entry.path, path));
    if (isChosen(entry.path, entry.kind === 'directory', rules)) {
      yield* foldersAbove;
      foldersAbove = [];
      yield await withContent(entry, tree, rules);
    } else if (entry.kind === 'directory') {
      foldersAbove.push(entry);
    }
  }
}

function isChosen(path: Buffer, isDirectory: boolean, rules: ExcludeRules): boolean {
  const names = path.toString('latin1').split('/');
  return names.some((_, i) => rules.excludes(names.slice(0, i + 1), isDirectory || i + 1 < names.length));
}

/** A further name of a file whose first name is not restored gets the content itself. */
async function withContent(entry: TreeEntry, tree: TreeReader, rules: ExcludeRules): Promise<TreeEntry> {
  if (entry.hardLink === undefined || isChosen(entry.hardLink, false, rules)) return entry;
  const first = await tree.find(entry.hardLink);
  return first === undefined ? entry : { ...first, path: entry.path };
}
