import { chmodSync, linkSync, mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { excludeRules, makeFifo, openSource, setMtime, setXattr, walk } from '@sealift/workloads';
import t from 'tap';
import { runAsNobody } from './fixtures/nobody.ts';
import { run } from './fixtures/programs.ts';
import {
  bytes,
  entriesOf,
  entryAt,
  fill,
  isRoot,
  openFiles,
  pathsOf,
  temporaryFolder,
  walkAll,
  warningsOf,
} from './fixtures/trees.ts';

const rootOnly = { skip: isRoot ? false : 'mounting needs root' };

/** An access ACL with one named user, as the kernel keeps it: u32 version 2, then u16 tag, u16 permissions, u32 id. */
export const ACL = Buffer.from(
  '02000000' + '01000600ffffffff' + '02000400e8030000' + '04000400ffffffff' + '10000400ffffffff' + '20000000ffffffff',
  'hex',
);

t.test('entries come depth first, each folder before its contents, names bytewise', async (t) => {
  const root = temporaryFolder(t);
  fill(root, { 'a.b': '', 'a/z': '', 'a/b/c': '', 'a-b': '', B: '', ab: '' });
  t.strictSame(pathsOf(walkAll(root)), ['', 'B', 'a', 'a/b', 'a/b/c', 'a/z', 'a-b', 'a.b', 'ab']);
});

t.test('names of any bytes come through unchanged', async (t) => {
  const root = temporaryFolder(t);
  const odd = [[0xff, 0xfe], [0x0a, 0x61], [0xc3, 0x28], [0x2d, 0x5c, 0x22], [...Buffer.from('snö')]];
  for (const name of odd) writeFileSync(bytes(`${root}/`, name), 'x');
  const names = entriesOf(walkAll(root))
    .slice(1)
    .map((entry) => entry.path.subarray('root/'.length));
  t.strictSame(names, odd.map((name) => Buffer.from(name)).sort(Buffer.compare));
});

t.test('each kind of entry is described', async (t) => {
  const root = temporaryFolder(t);
  writeFileSync(join(root, 'file'), 'four');
  chmodSync(join(root, 'file'), 0o4751);
  symlinkSync('no/such/place', join(root, 'link'));
  makeFifo(bytes(join(root, 'pipe')), 0o600);
  setMtime(bytes(join(root, 'file')), -1_500_000_000_123_456_789n);
  setMtime(bytes(join(root, 'link')), 1_700_000_000_999_999_999n);
  const { kind, mode, size, mtimeNs, uid } = entryAt(root, 'file');
  t.strictSame({ kind, mode, size, uid }, { kind: 'file', mode: 0o4751, size: 4, uid: process.geteuid?.() });
  t.equal(mtimeNs, -1_500_000_000_123_456_789n);
  t.equal(entryAt(root, 'link').linkTarget?.toString(), 'no/such/place');
  t.equal(entryAt(root, 'link').mtimeNs, 1_700_000_000_999_999_999n);
  t.equal(entryAt(root, 'pipe').kind, 'fifo');
});

t.test('attributes and ACLs are kept as bytes', async (t) => {
  const root = temporaryFolder(t);
  fill(root, { file: 'x', plain: 'x' });
  setXattr(bytes(join(root, 'file')), Buffer.from('user.two'), Buffer.from([0, 255]));
  setXattr(bytes(join(root, 'file')), Buffer.from('user.one'), Buffer.alloc(0));
  setXattr(bytes(join(root, 'file')), Buffer.from('system.posix_acl_access'), ACL);
  const found = entryAt(root, 'file').xattrs?.map(([name, value]) => [name.toString(), value.toString('hex')]);
  t.strictSame(found, [
    ['system.posix_acl_access', ACL.toString('hex')],
    ['user.one', ''],
    ['user.two', '00ff'],
  ]);
  t.equal(entryAt(root, 'plain').xattrs, undefined);
});

t.test('later names of one inode point at the first', async (t) => {
  const root = temporaryFolder(t);
  fill(root, { 'b/first': 'x', 'c/z': 'other' });
  linkSync(join(root, 'b/first'), join(root, 'b/second'));
  linkSync(join(root, 'b/first'), join(root, 'c/third'));
  const links = entriesOf(walkAll(root)).map((entry) => entry.hardLink?.toString());
  t.strictSame(links, [undefined, undefined, undefined, 'root/b/first', undefined, 'root/b/first', undefined]);
});

t.test('a socket is left out with a warning that names it', async (t) => {
  const root = temporaryFolder(t);
  const server = createServer().listen(join(root, 'socket'));
  await new Promise((resolve) => server.once('listening', resolve));
  const items = walkAll(root);
  server.close();
  t.strictSame(pathsOf(items), ['']);
  t.match(warningsOf(items), [{ code: 'socket', path: bytes(join(root, 'socket')) }]);
});

t.test('a file that vanishes during the walk is a warning, and the walk goes on', async (t) => {
  const root = temporaryFolder(t);
  fill(root, { a: '', b: '', c: '' });
  const items = [];
  for (const item of walk(bytes(root), { name: bytes('root'), exclude: excludeRules([]) })) {
    items.push(item);
    rmSync(join(root, 'b'), { force: true });
  }
  t.strictSame(pathsOf(items), ['', 'a', 'c']);
  t.match(warningsOf(items), [{ code: 'vanished', path: bytes(join(root, 'b')) }]);
});

t.test('a link put in place of a folder being walked leads nowhere', async (t) => {
  const root = temporaryFolder(t);
  const outside = temporaryFolder(t);
  fill(root, { 'd/secret': 'mine' });
  fill(outside, { secret: 'not mine' });
  for (const item of walk(bytes(root), { name: bytes('root'), exclude: excludeRules([]) })) {
    if (!('entry' in item)) continue;
    if (item.entry.path.equals(bytes('root/d'))) {
      renameSync(join(root, 'd'), join(root, 'moved'));
      symlinkSync(outside, join(root, 'd'));
    } else if (item.entry.path.equals(bytes('root/d/secret'))) {
      t.equal(item.entry.size, 4, 'the metadata is that of the file found first');
      t.throws(() => openSource(item.entry.source.path, item.entry.source), { code: 'changed' });
    }
  }
});

t.test('a folder that may not be read is an entry and a warning, and the walk goes on', async (t) => {
  const root = temporaryFolder(t);
  fill(root, { 'closed/inner': '', open: '' });
  chmodSync(root, 0o755);
  chmodSync(join(root, 'closed'), 0o700);
  if (!isRoot) chmodSync(join(root, 'closed'), 0);
  const { entries, warnings } = runAsNobody('walk', root);
  chmodSync(join(root, 'closed'), 0o700);
  t.strictSame(entries, ['root', 'root/closed', 'root/open']);
  t.match(warnings, [{ code: 'unreadable', path: join(root, 'closed') }]);
});

t.test('a root that is missing or may not be read is a failure', async (t) => {
  const root = temporaryFolder(t);
  t.throws(() => walkAll(join(root, 'nothing')), { code: 'unreadable', kind: 'refused', message: /nothing/ });
  mkdirSync(join(root, 'closed'), { mode: isRoot ? 0o700 : 0 });
  chmodSync(root, 0o755);
  t.equal(runAsNobody('walk', join(root, 'closed')).failure, 'unreadable');
});

t.test('a link as root is followed, a file as root is a tree of one entry', async (t) => {
  const root = temporaryFolder(t);
  fill(root, { 'real/a': 'x' });
  symlinkSync('real', join(root, 'link'));
  t.strictSame(pathsOf(walkAll(join(root, 'link'))), ['', 'a']);
  const [only] = entriesOf(walkAll(join(root, 'real/a')));
  t.match(only, { kind: 'file', size: 1, path: bytes('root') });
});

t.test('what is excluded is neither entered nor reported', async (t) => {
  const root = temporaryFolder(t);
  fill(root, { 'a/x.tmp': '', 'a/keep': '', 'cache/b/c': '', 'deep/cache': '', 'x.tmp/y': '' });
  const paths = pathsOf(walkAll(root, ['*.tmp', 'cache/']));
  t.strictSame(paths, ['', 'a', 'a/keep', 'deep', 'deep/cache']);
});

const TAG = 'Signature: 8a477f597d28d172789f06886806bc55\n';

t.test('a folder tagged as a cache is kept with its tag alone, one with something like a tag is not', async (t) => {
  const root = temporaryFolder(t);
  const mine = { 'cache/CACHEDIR.TAG': TAG, 'cache/deep/x': '', 'cache/y': '' };
  fill(root, { ...mine, 'like/CACHEDIR.TAG': TAG.slice(1), 'like/x': '', 'folder/CACHEDIR.TAG/x': '' });
  mkdirSync(join(root, 'pipe'));
  makeFifo(bytes(join(root, 'pipe/CACHEDIR.TAG')), 0o600);
  const like = ['folder', 'folder/CACHEDIR.TAG', 'folder/CACHEDIR.TAG/x', 'like', 'like/CACHEDIR.TAG', 'like/x'];
  const all = ['cache/deep', 'cache/deep/x', 'cache/y'];
  const walked = (excludeCaches: boolean) =>
    pathsOf([...walk(bytes(root), { name: bytes('root'), exclude: excludeRules([]), excludeCaches })]);
  const pipe = ['pipe', 'pipe/CACHEDIR.TAG'];
  t.strictSame(walked(true), ['', 'cache', 'cache/CACHEDIR.TAG', ...like, ...pipe]);
  t.strictSame(walked(false), ['', 'cache', 'cache/CACHEDIR.TAG', ...all, ...like, ...pipe]);
  fill(root, { 'CACHEDIR.TAG': TAG });
  t.strictSame(walked(true), ['', 'CACHEDIR.TAG']);
});

t.test('what is mounted below the root is entered, unless one filesystem is asked for', rootOnly, async (t) => {
  const root = temporaryFolder(t);
  fill(root, { 'a/x': '', 'z/x': '' });
  mkdirSync(join(root, 'mounted'));
  run('mount', '-t', 'tmpfs', 'none', join(root, 'mounted'));
  t.teardown(() => void run('umount', join(root, 'mounted')));
  fill(root, { 'mounted/x': '' });
  const walked = (oneFileSystem: boolean) =>
    pathsOf([...walk(bytes(root), { name: bytes('root'), exclude: excludeRules([]), oneFileSystem })]);
  t.strictSame(walked(false), ['', 'a', 'a/x', 'mounted', 'mounted/x', 'z', 'z/x']);
  t.strictSame(walked(true), ['', 'a', 'a/x', 'mounted', 'z', 'z/x']);
});

t.test('a walk that is given up closes its folders', async (t) => {
  const root = temporaryFolder(t);
  mkdirSync(join(root, 'a/b/c'), { recursive: true });
  mkdtempSync(join(root, 'a/b/c/'));
  const before = openFiles();
  for (const item of walk(bytes(root), { name: bytes('root'), exclude: excludeRules([]) })) {
    if ('entry' in item && item.entry.path.equals(bytes('root/a/b/c'))) break;
  }
  t.equal(openFiles(), before);
});
