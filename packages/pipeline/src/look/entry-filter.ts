import type { EntryFilter } from '@sealift/wire';
import { excludeRules } from '@sealift/workloads';
import type { LookedEntry } from './looked-tree.ts';

type Test = (entry: LookedEntry) => boolean;

const NS_PER_MS = 1_000_000n;

/** @throws Failure `bad-exclude` for a pattern that is none */
export function entryFilter(filter: EntryFilter): Test {
  const tests = [...nameTests(filter), ...sizeTests(filter), ...timeTests(filter)];
  const { kind } = filter;
  if (kind !== undefined) tests.push((entry) => entry.kind === kind);
  return (entry) => tests.every((test) => test(entry));
}

function nameTests({ name, contains }: EntryFilter): Test[] {
  const tests: Test[] = [];
  if (name !== undefined) {
    const rules = excludeRules([name]);
    tests.push(({ path, kind }) => rules.excludes(path.toString('latin1').split('/'), kind === 'directory'));
  }
  if (contains !== undefined) {
    const part = contains.toLowerCase();
    tests.push(({ path }) => lastName(path).toLowerCase().includes(part));
  }
  return tests;
}

function lastName(path: Buffer): string {
  return path.toString('utf8', path.lastIndexOf('/') + 1);
}

function sizeTests({ larger, smaller }: EntryFilter): Test[] {
  const tests: Test[] = [];
  if (larger !== undefined) tests.push(({ kind, size }) => kind === 'file' && size >= larger);
  if (smaller !== undefined) tests.push(({ kind, size }) => kind === 'file' && size <= smaller);
  return tests;
}

function timeTests({ newer, older }: EntryFilter): Test[] {
  const tests: Test[] = [];
  if (newer !== undefined) tests.push(({ mtimeNs }) => mtimeNs >= BigInt(newer) * NS_PER_MS);
  if (older !== undefined) tests.push(({ mtimeNs }) => mtimeNs < BigInt(older) * NS_PER_MS);
  return tests;
}
