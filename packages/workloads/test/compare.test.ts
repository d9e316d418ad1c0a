import {
  chmodSync,
  chownSync,
  cpSync,
  linkSync,
  mkdirSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { compareTrees, setMtime, setXattr } from '@sealift/workloads';
import t from 'tap';
import { bytes, copyTree, differences, fill, isRoot, temporaryFolder } from './fixtures/trees.ts';

const TIME = 1_600_000_000_000_000_000n;

/** Two equal trees, the second one changed. */
function changed(t: { teardown(work: () => void): void }, change: (second: string) => void): string[] {
  const first = temporaryFolder(t);
  const to = temporaryFolder(t);
  fill(first, { 'd/file': 'content', other: 'content' });
  writeFileSync(join(first, 'sparse'), '');
  truncateSync(join(first, 'sparse'), 1 << 20);
  symlinkSync('target', join(first, 'link'));
  copyTree(first, to);
  const second = join(to, 'root');
  change(second);
  // Folders and files touched by the change get their old time back: only the change itself is to be found.
  for (const name of ['d/file', 'd', 'link', 'other', 'sparse', '.']) {
    for (const root of [first, second]) resetTime(join(root, name));
  }
  return differences(first, second);
}

function resetTime(path: string): void {
  try {
    setMtime(bytes(path), TIME);
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== 'ENOENT') throw thrown;
  }
}

const CHANGES: [what: string, change: (root: string) => void, found: string[]][] = [
  ['nothing', () => {}, []],
  ['a file removed', (root) => rmSync(join(root, 'd/file')), ['d/file: missing']],
  ['a file added', (root) => mkdirSync(join(root, 'd/zzz')), ['d/zzz: extra']],
  ['one byte of content', (root) => writeFileSync(join(root, 'd/file'), 'cOntent'), ['d/file: content']],
  ['a file grown', (root) => writeFileSync(join(root, 'd/file'), 'content+'), ['d/file: size']],
  ['a mode', (root) => chmodSync(join(root, 'd'), 0o711), ['d: mode']],
  ['a hole filled with zeros', (root) => writeFileSync(join(root, 'sparse'), Buffer.alloc(1 << 20)), ['sparse: holes']],
  ['an attribute', (root) => setXattr(bytes(join(root, 'other')), bytes('user.x'), bytes('1')), ['other: xattrs']],
  [
    'a link target',
    (root) => {
      rmSync(join(root, 'link'));
      symlinkSync('elsewhere', join(root, 'link'));
    },
    ['link: target'],
  ],
  [
    'a kind',
    (root) => {
      rmSync(join(root, 'other'));
      mkdirSync(join(root, 'other'));
    },
    ['other: kind'],
  ],
  [
    'two files become one',
    (root) => {
      rmSync(join(root, 'other'));
      linkSync(join(root, 'd/file'), join(root, 'other'));
    },
    ['other: links'],
  ],
];

for (const [what, change, found] of CHANGES) {
  t.test(`comparing trees finds ${what}`, async (t) => t.strictSame(changed(t, change), found));
}

t.test('comparing trees finds an owner', { skip: !isRoot }, async (t) => {
  t.strictSame(
    changed(t, (root) => chownSync(join(root, 'other'), 1, 2)),
    ['other: owner'],
  );
});

t.test('comparing trees finds one nanosecond, and says both times', async (t) => {
  const first = temporaryFolder(t);
  const second = temporaryFolder(t);
  fill(first, { file: 'x' });
  cpSync(first, second, { recursive: true });
  for (const root of [first, second]) for (const name of ['file', '.']) setMtime(bytes(join(root, name)), TIME);
  setMtime(bytes(join(second, 'file')), TIME + 1n);
  t.strictSame(
    [...compareTrees(first, second)],
    [{ path: bytes('file'), what: 'mtime', detail: `${TIME} ns has become ${TIME + 1n} ns` }],
  );
});

t.test('single files can be compared as well', async (t) => {
  const root = temporaryFolder(t);
  fill(root, { a: 'x', b: 'y' });
  for (const name of ['a', 'b']) setMtime(bytes(join(root, name)), TIME);
  t.strictSame(differences(join(root, 'a'), join(root, 'b')), ['.: content']);
});
