import {
  appendFileSync,
  closeSync,
  ftruncateSync,
  openSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { describeSource, makeFifo, openSource, setMtime } from '@sealift/workloads';
import t from 'tap';
import { bytes, entryAt, fill, temporaryFolder } from './fixtures/trees.ts';

const MIB = 1 << 20;

function sparseFile(path: string): void {
  const fd = openSync(path, 'w');
  writeSync(fd, Buffer.alloc(MIB, 1), 0, MIB, MIB);
  ftruncateSync(fd, 4 * MIB);
  closeSync(fd);
}

t.test('the segments of a file cover it, holes apart from data', async (t) => {
  const root = temporaryFolder(t);
  sparseFile(join(root, 'sparse'));
  using source = openSource(bytes(join(root, 'sparse')));
  t.equal(source.stat.size, 4 * MIB);
  t.strictSame(
    [...source.segments()],
    [
      { kind: 'hole', offset: 0, length: MIB },
      { kind: 'data', offset: MIB, length: MIB },
      { kind: 'hole', offset: 2 * MIB, length: 2 * MIB },
    ],
  );
});

t.test('the segments of a range are those of the file, cut to it', async (t) => {
  const root = temporaryFolder(t);
  sparseFile(join(root, 'sparse'));
  using source = openSource(bytes(join(root, 'sparse')));
  const half = MIB / 2;
  t.strictSame(
    [...source.segments(half, MIB + half)],
    [
      { kind: 'hole', offset: half, length: half },
      { kind: 'data', offset: MIB, length: half },
    ],
  );
  t.strictSame([...source.segments(3 * MIB, 9 * MIB)], [{ kind: 'hole', offset: 3 * MIB, length: MIB }]);
  t.strictSame([...source.segments(5 * MIB)], []);
});

t.test('an empty file has no segment, a small one is all data, one without blocks all hole', async (t) => {
  const root = temporaryFolder(t);
  fill(root, { empty: '', small: 'abc', hole: '' });
  truncateSync(join(root, 'hole'), 100_000);
  const segments = (name: string) => {
    using source = openSource(bytes(join(root, name)));
    return [...source.segments()];
  };
  t.strictSame(segments('empty'), []);
  t.strictSame(segments('small'), [{ kind: 'data', offset: 0, length: 3 }]);
  t.strictSame(segments('hole'), [{ kind: 'hole', offset: 0, length: 100_000 }]);
});

t.test('reading goes on to the end of the buffer or the file', async (t) => {
  const root = temporaryFolder(t);
  fill(root, { file: '0123456789' });
  using source = openSource(bytes(join(root, 'file')));
  const into = Buffer.alloc(6);
  t.equal(source.readAt(2, into), 6);
  t.equal(into.toString(), '234567');
  t.equal(source.readAt(7, into), 3);
});

t.test('a write while reading is seen, also one that keeps size and time', async (t) => {
  const root = temporaryFolder(t);
  fill(root, { grown: 'abc', forged: 'abc', still: 'abc' });
  for (const name of ['grown', 'forged', 'still']) {
    const found = entryAt(root, name);
    using source = openSource(found.source.path, found.source);
    if (name === 'grown') appendFileSync(join(root, name), 'd');
    if (name === 'forged') {
      writeFileSync(join(root, name), 'xyz');
      setMtime(found.source.path, found.mtimeNs);
    }
    source.readAt(0, Buffer.alloc(3));
    t.equal(source.changedSince(found.source), name !== 'still', name);
  }
});

t.test('a file replaced, deleted or swapped for a link or a FIFO since the walk is not read', async (t) => {
  const root = temporaryFolder(t);
  const open = (name: string, change: (path: string) => void) => () => {
    fill(root, { [name]: 'before' });
    const found = entryAt(root, name);
    change(join(root, name));
    openSource(found.source.path, found.source);
  };
  const replace = (path: string) => {
    writeFileSync(`${path}.new`, 'after');
    renameSync(`${path}.new`, path);
  };
  const link = (path: string) => {
    rmSync(path);
    symlinkSync('/etc/passwd', path);
  };
  const pipe = (path: string) => {
    rmSync(path);
    makeFifo(bytes(path), 0o600);
  };
  t.throws(open('replaced', replace), { code: 'changed', kind: 'retry' });
  t.throws(open('link', link), { code: 'changed' });
  t.throws(open('pipe', pipe), { code: 'changed' });
  t.throws(
    open('deleted', (path) => rmSync(path)),
    { code: 'vanished', message: /deleted/ },
  );
});

t.test('a source is a tree or a disk', async (t) => {
  const root = temporaryFolder(t);
  fill(root, { 'vm.RAW': '12345', 'disk.img': '123', 'notes.txt': '1' });
  symlinkSync('disk.img', join(root, 'link'));
  const kinds = ['.', 'vm.RAW', 'disk.img', 'notes.txt', 'link'].map((name) => {
    const { kind, size } = describeSource(bytes(join(root, name)));
    return [kind, size];
  });
  t.strictSame(kinds, [
    ['tree', 0],
    ['disk', 5],
    ['disk', 3],
    ['tree', 1],
    ['disk', 3],
  ]);
});

t.test('a source that is missing, or no kind of data, is refused', async (t) => {
  const root = temporaryFolder(t);
  makeFifo(bytes(join(root, 'pipe')), 0o600);
  t.throws(() => describeSource(bytes(join(root, 'nothing'))), { code: 'unreadable', message: /nothing/ });
  t.throws(() => describeSource(bytes(join(root, 'pipe'))), { code: 'unsupported-source' });
  t.throws(() => describeSource(bytes('/dev/null')), { code: 'unsupported-source' });
});
