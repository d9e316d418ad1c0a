import {
  chmodSync,
  existsSync,
  linkSync,
  lstatSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { type EntryMetadata, makeFifo, type RestoreWarning, setMtime, setXattr, TreeWriter } from '@sealift/workloads';
import t from 'tap';
import { bytes, copyTree, differences, fill, isRoot, temporaryFolder } from './fixtures/trees.ts';

const BASIC: Omit<EntryMetadata, 'path' | 'kind'> = {
  mode: 0o644,
  uid: process.geteuid?.() ?? 0,
  gid: process.getegid?.() ?? 0,
  mtimeNs: 1_600_000_000_000_000_001n,
  size: 0,
};

function entry(path: string | Buffer, kind: EntryMetadata['kind'], more: Partial<EntryMetadata> = {}): EntryMetadata {
  return { ...BASIC, path: Buffer.from(path), kind, ...more };
}

type Tap = { teardown(work: () => void): void };

function writerTo(t: Tap, destination: string, overwrite: 'never' | 'older' | 'always' = 'never', special = false) {
  const warnings: RestoreWarning[] = [];
  const writer = new TreeWriter(destination, { overwrite, special, onWarning: (warning) => warnings.push(warning) });
  t.teardown(() => writer[Symbol.dispose]());
  const put = (path: string | Buffer, content: string, more: Partial<EntryMetadata> = {}) => {
    const output = writer.openOutput(entry(path, 'file', { size: content.length, ...more }));
    output?.writeAt(0, Buffer.from(content));
    return output?.finish() ?? false;
  };
  const codes = () => warnings.map((warning) => warning.code);
  return { writer, warnings, put, codes };
}

t.test('a tree comes back as it was', async (t) => {
  const from = temporaryFolder(t);
  const to = join(temporaryFolder(t), 'made/on/the/way');
  fill(from, { 'a/one': '1', 'a/deep/two': '22', closed: 'x', 'sparse.dat': '' });
  writeFileSync(bytes(`${from}/`, [0xff, 0x0a, 0x80]), 'odd');
  truncateSync(join(from, 'sparse.dat'), 3 << 20);
  linkSync(join(from, 'a/one'), join(from, 'z-link'));
  symlinkSync('../outside', join(from, 'symbolic'));
  makeFifo(bytes(join(from, 'pipe')), 0o640);
  setXattr(bytes(join(from, 'a')), bytes('user.note'), bytes('on a folder'));
  setXattr(bytes(join(from, 'closed')), bytes('user.note'), bytes('on a file'));
  chmodSync(join(from, 'closed'), 0o400);
  chmodSync(join(from, 'a/deep'), 0o555);
  for (const [i, name] of ['a/one', 'a/deep', 'a', 'symbolic', 'pipe', '.'].entries()) {
    setMtime(bytes(join(from, name)), 1_234_567_890_123_456_789n + BigInt(i));
  }
  t.strictSame(copyTree(from, to), []);
  t.strictSame(differences(from, join(to, 'root')), []);
  chmodSync(join(from, 'a/deep'), 0o755);
  chmodSync(join(to, 'root/a/deep'), 0o755);
});

t.test('paths that would leave the destination are refused, and the rest goes on', async (t) => {
  const to = join(temporaryFolder(t), 'in');
  const { writer, put, codes } = writerTo(t, to);
  const hostile = ['../out', '/etc/out', 'a/../../out', 'a//b', './a', 'a/.', '', 'nul\0'];
  for (const path of hostile) t.equal(put(path, 'x'), false, path);
  t.equal(put('good', 'x'), true);
  writer.place(entry('bad-link', 'file', { hardLink: bytes('../../etc/passwd') }));
  t.strictSame(
    codes(),
    [...hostile, ''].map(() => 'unsafe-path'),
  );
  t.strictSame(readdirSync(to), ['good']);
  t.strictSame(readdirSync(join(to, '..')), ['in']);
});

t.test('a planted link is never walked through', async (t) => {
  const outside = temporaryFolder(t);
  const to = temporaryFolder(t);
  fill(outside, { target: 'untouched' });
  symlinkSync(outside, join(to, 'before'));
  for (const overwrite of ['never', 'older', 'always'] as const) {
    const { writer, put, codes } = writerTo(t, to, overwrite, true);
    writer.place(entry('planted', 'symlink', { linkTarget: bytes(outside) }));
    const refused = codes().length;
    put('planted/target', 'evil');
    put('planted/new', 'evil');
    put('before/target', 'evil');
    writer.place(entry('planted/deep/link', 'symlink', { linkTarget: bytes('x') }));
    writer.place(entry('stolen', 'file', { hardLink: bytes('planted/target') }));
    t.strictSame(codes().slice(refused), Array(5).fill('unsafe-path'), overwrite);
  }
  t.strictSame(readdirSync(outside), ['target']);
  t.equal(readFileSync(join(outside, 'target'), 'utf8'), 'untouched');
});

t.test('a folder whose name is a link replaces the link or is left out, as the overwrite rule says', async (t) => {
  const outside = temporaryFolder(t);
  const to = temporaryFolder(t);
  symlinkSync(outside, join(to, 'd'));
  const keeping = writerTo(t, to, 'never');
  t.equal(keeping.writer.makeDirectory(entry('d', 'directory')), false);
  t.equal(keeping.put('d/file', 'x'), false);
  t.strictSame(keeping.codes(), ['kept', 'unsafe-path']);
  const replacing = writerTo(t, to, 'always');
  t.equal(replacing.writer.makeDirectory(entry('d', 'directory', { mode: 0o755 })), true);
  t.equal(replacing.put('d/file', 'x'), true);
  replacing.writer.finish();
  t.equal(lstatSync(join(to, 'd')).isDirectory(), true);
  t.strictSame(readdirSync(outside), []);
});

t.test('a file restored over a link replaces the link, not what it points to', async (t) => {
  const to = temporaryFolder(t);
  fill(to, { target: 'untouched' });
  symlinkSync('target', join(to, 'name'));
  const { put } = writerTo(t, to, 'always');
  t.equal(put('name', 'new'), true);
  t.equal(lstatSync(join(to, 'name')).isFile(), true);
  t.equal(readFileSync(join(to, 'target'), 'utf8'), 'untouched');
});

t.test('the overwrite rule decides over what is there', async (t) => {
  const cases = [
    ['never', 'old', 'old', ['kept']],
    ['older', 'old', 'restored', []],
    ['older', 'recent', 'recent', ['kept']],
    ['always', 'recent', 'restored', []],
  ] as const;
  for (const [overwrite, there, left, warned] of cases) {
    const to = temporaryFolder(t);
    fill(to, { file: there });
    if (there === 'old') setMtime(bytes(join(to, 'file')), BASIC.mtimeNs - 1n);
    const { put, codes } = writerTo(t, to, overwrite);
    put('file', 'restored');
    t.equal(readFileSync(join(to, 'file'), 'utf8'), left, `${overwrite} over ${there}`);
    t.strictSame(codes(), warned);
    t.strictSame(readdirSync(to), ['file']);
  }
});

t.test('a file that appears while its content is written is kept by the rule "never"', async (t) => {
  const to = temporaryFolder(t);
  const { writer, codes } = writerTo(t, to);
  const output = writer.openOutput(entry('file', 'file', { size: 1 }));
  writeFileSync(join(to, 'file'), 'theirs');
  t.equal(output?.finish(), false);
  t.strictSame(codes(), ['kept']);
  t.strictSame(readdirSync(to), ['file']);
  t.equal(readFileSync(join(to, 'file'), 'utf8'), 'theirs');
});

t.test('folders are merged with what is there and never replaced by a file', async (t) => {
  const to = temporaryFolder(t);
  fill(to, { 'd/mine': 'x' });
  chmodSync(join(to, 'd'), 0o750);
  const { writer, put, codes } = writerTo(t, to, 'always');
  t.equal(put('d', 'a file'), false);
  writer.place(entry('d', 'symlink', { linkTarget: bytes('x') }));
  t.strictSame(codes(), ['in-the-way', 'in-the-way']);
  t.equal(writer.makeDirectory(entry('d', 'directory', { mode: 0o711 })), true);
  put('d/theirs', 'y');
  writer.finish();
  t.strictSame(readdirSync(join(to, 'd')), ['mine', 'theirs']);
  t.equal(statSync(join(to, 'd')).mode & 0o7777, 0o711);
  t.equal(statSync(join(to, 'd'), { bigint: true }).mtimeNs, BASIC.mtimeNs);
});

t.test('an unfinished file is not visible under its name, and a discarded one leaves nothing', async (t) => {
  const to = temporaryFolder(t);
  const { writer } = writerTo(t, to);
  const output = writer.openOutput(entry('file', 'file', { size: 3 }));
  output?.writeAt(0, Buffer.from('abc'));
  t.equal(existsSync(join(to, 'file')), false);
  output?.discard();
  t.strictSame(readdirSync(to), []);
});

t.test('a folder gets its time once nothing is written into it any more', async (t) => {
  const to = temporaryFolder(t);
  const { writer, put } = writerTo(t, to);
  const mtime = (path: string) => statSync(join(to, path), { bigint: true }).mtimeNs;
  writer.makeDirectory(entry('a', 'directory', { mode: 0o555 }));
  writer.makeDirectory(entry('a/b', 'directory', { mode: 0o500 }));
  put('a/b/file', 'x');
  writer.settle(bytes('a/c'));
  t.equal(mtime('a/b'), BASIC.mtimeNs);
  t.not(mtime('a'), BASIC.mtimeNs);
  put('a/c', 'x');
  writer.finish();
  t.equal(mtime('a'), BASIC.mtimeNs);
  t.equal(statSync(join(to, 'a')).mode & 0o777, 0o555);
  chmodSync(join(to, 'a'), 0o755);
});

t.test('setuid, setgid and device nodes come back only on request', async (t) => {
  const plain = temporaryFolder(t);
  const asked = temporaryFolder(t);
  const device = entry('null', 'character', { device: [1, 3], mode: 0o666 });
  const without = writerTo(t, plain);
  without.put('tool', 'x', { mode: 0o6755 });
  without.writer.place(device);
  t.strictSame(without.codes(), ['special-skipped', 'special-skipped']);
  t.equal(statSync(join(plain, 'tool')).mode & 0o7777, 0o755);
  t.strictSame(readdirSync(plain), ['tool']);
  const withThem = writerTo(t, asked, 'never', true);
  withThem.put('tool', 'x', { mode: 0o6755 });
  t.equal(statSync(join(asked, 'tool')).mode & 0o7777, 0o6755);
  if (!isRoot) return;
  t.equal(withThem.writer.place(device), true);
  t.equal(statSync(join(asked, 'null')).rdev, statSync('/dev/null').rdev);
  t.equal(statSync(join(asked, 'null')).mode & 0o777, 0o666);
});

t.test('capabilities come back only on request', { skip: !isRoot }, async (t) => {
  const from = temporaryFolder(t);
  fill(from, { ping: 'x' });
  // struct vfs_cap_data, revision 2, effective, CAP_NET_RAW permitted.
  setXattr(
    bytes(join(from, 'ping')),
    bytes('security.capability'),
    Buffer.from(`0100000200200000${'00'.repeat(12)}`, 'hex'),
  );
  const plain = temporaryFolder(t);
  t.match(copyTree(from, plain, { special: false }), [{ code: 'special-skipped', message: /capabilities/ }]);
  t.strictSame(differences(from, join(plain, 'root')), ['ping: xattrs']);
  const asked = temporaryFolder(t);
  t.strictSame(copyTree(from, asked), []);
  t.strictSame(differences(from, join(asked, 'root')), []);
});

t.test('an ACL that a new file inherits from the destination is taken off again', async (t) => {
  const from = temporaryFolder(t);
  const to = temporaryFolder(t);
  fill(from, { file: 'x' });
  chmodSync(join(from, 'file'), 0o640);
  const acl = `02000000${'01000700ffffffff'}${'02000700e8030000'}${'04000500ffffffff'}${'10000700ffffffff'}${'20000500ffffffff'}`;
  setXattr(bytes(to), bytes('system.posix_acl_default'), Buffer.from(acl, 'hex'));
  t.strictSame(copyTree(from, to), []);
  t.strictSame(differences(from, join(to, 'root')), []);
});

t.test('a hard link whose first name is not there is a warning', async (t) => {
  const to = temporaryFolder(t);
  const { writer, warnings } = writerTo(t, to);
  t.equal(writer.place(entry('second', 'file', { hardLink: bytes('first') })), false);
  t.match(warnings, [{ code: 'link-missing', path: bytes('second'), message: /second/ }]);
});

t.test('restoring a tree with links over itself changes nothing', async (t) => {
  const from = temporaryFolder(t);
  const to = temporaryFolder(t);
  fill(from, { first: 'x' });
  linkSync(join(from, 'first'), join(from, 'second'));
  symlinkSync('first', join(from, 'third'));
  copyTree(from, to);
  t.strictSame(copyTree(from, to, { overwrite: 'always' }), []);
  t.strictSame(differences(from, join(to, 'root')), []);
  t.strictSame(readdirSync(join(to, 'root')), ['first', 'second', 'third']);
});

t.test('a socket entry is left out with a warning', async (t) => {
  const { writer, codes } = writerTo(t, temporaryFolder(t));
  t.equal(writer.place(entry('socket', 'socket')), false);
  t.strictSame(codes(), ['special-skipped']);
});

t.test('very deep trees need no more than a bounded number of open folders', async (t) => {
  const to = temporaryFolder(t);
  const { writer, put, warnings } = writerTo(t, to);
  const deep = Array.from({ length: 400 }, (_, i) => `d${i}`).join('/');
  t.equal(put(`${deep}/file`, 'x'), true);
  t.equal(writer.place(entry(`${deep}/second`, 'file', { hardLink: bytes(`${deep}/file`) })), true);
  t.equal(writer.place(entry('shallow', 'file', { hardLink: bytes(`${deep}/file`) })), true);
  t.strictSame(warnings, []);
  t.equal(statSync(join(to, 'shallow')).nlink, 3);
});

t.test('a destination that is no folder is a failure', async (t) => {
  const to = temporaryFolder(t);
  fill(to, { file: 'x' });
  t.throws(() => writerTo(t, join(to, 'file')), { code: 'unusable-destination', kind: 'refused' });
  t.throws(() => writerTo(t, join(to, 'file/below')), { code: 'unusable-destination' });
});

t.test('a link keeps its target bytes', async (t) => {
  const to = temporaryFolder(t);
  const { writer } = writerTo(t, to);
  const target = bytes('../', [0xff, 0x0a]);
  writer.place(entry('link', 'symlink', { linkTarget: target }));
  t.strictSame(readlinkSync(join(to, 'link'), { encoding: 'buffer' }), target);
  t.equal(lstatSync(join(to, 'link'), { bigint: true }).mtimeNs, BASIC.mtimeNs);
});
