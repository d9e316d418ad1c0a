import { Failure } from '@sealift/core';
import {
  comparePaths,
  decodeNode,
  decodePage,
  decodeSegmentNode,
  decodeSegments,
  encodeEntry,
  encodeNode,
  encodePage,
  encodeSegmentNode,
  encodeSegments,
  joinEntries,
  pageKind,
  pathFlaw,
  type TreeEntry,
} from '@sealift/repository';
import fc from 'fast-check';
import t from 'tap';
import { anId, aPage, aPath, aSegment, bytes } from './fixtures/arbitrary.ts';

const RUNS = { numRuns: 150 };
const decoders = [decodePage, decodeNode, decodeSegments, decodeSegmentNode];

const file: TreeEntry = {
  path: Buffer.from('a/b'),
  kind: 'file',
  mode: 0o644,
  uid: 0,
  gid: 0,
  mtimeNs: 1n,
  size: 0,
};

/** Whether the bytes decode, or are refused as they must be: any other outcome is a defect. */
function decodes(decode: (bytes: Buffer) => unknown, plaintext: Buffer): boolean {
  try {
    decode(plaintext);
    return true;
  } catch (thrown) {
    if (thrown instanceof Failure && thrown.code === 'format-damaged') return false;
    throw thrown;
  }
}

t.test('entries come back from a page as they went in', async (t) => {
  fc.assert(
    fc.property(aPage, (page) => {
      const encoded = encodePage(page);
      t.equal(pageKind(encoded), 'entries', { silent: true });
      if (!isSame(decodePage(encoded), page) || !encoded.equals(joinEntries(page.map(encodeEntry))))
        throw new Error('differs');
    }),
    RUNS,
  );
});

t.test('segments and nodes come back as they went in', async () => {
  const level = fc.integer({ min: 1, max: 16 });
  const length = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER });
  const children = fc.array(fc.record({ length, id: anId }), { minLength: 1, maxLength: 9 });
  const firsts = fc.uniqueArray(aPath, { minLength: 1, maxLength: 9, selector: (path) => path.toString('hex') });
  fc.assert(
    fc.property(
      fc.array(aSegment),
      fc.record({ level, children }),
      level,
      firsts,
      anId,
      (segments, node, height, paths, id) => {
        const tree = { level: height, children: paths.sort(comparePaths).map((first) => ({ first, id })) };
        if (!isSame(decodeSegments(encodeSegments(segments)), segments)) throw new Error('segments differ');
        if (!isSame(decodeSegmentNode(encodeSegmentNode(node)), node)) throw new Error('segment node differs');
        if (!isSame(decodeNode(encodeNode(tree)), tree)) throw new Error('tree node differs');
      },
    ),
    RUNS,
  );
});

t.test('random bytes and every single changed byte are decoded or refused, never more', async (t) => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 4 }), bytes(0, 300), (kind, rest) => {
      for (const decode of decoders) decodes(decode, Buffer.concat([Buffer.of(kind), rest]));
    }),
    { numRuns: 500 },
  );
  const [page] = fc.sample(aPage, { numRuns: 1, seed: 7 }) as [TreeEntry[]];
  const encoded = encodePage([file, ...page].sort((a, b) => comparePaths(a.path, b.path)).slice(0, 4));
  for (let at = 0; at < encoded.length; at++) {
    for (const flip of [1, 0x80, 0xff]) {
      const bent = Buffer.from(encoded);
      bent.writeUInt8(bent.readUInt8(at) ^ flip, at);
      decodes(decodePage, bent);
    }
    t.notOk(decodes(decodePage, encoded.subarray(0, at)), `cut off at ${at}`, { silent: true });
  }
});

t.test('paths are ordered so that a directory is directly followed by its contents', async (t) => {
  const sorted = ['a', 'a/b', 'a/b/c', 'a/c', 'a!', 'a-b', 'a.', 'aa', 'b', 'b/\xff', 'c'];
  t.same(
    [...sorted]
      .reverse()
      .map((path) => Buffer.from(path, 'latin1'))
      .sort(comparePaths)
      .map((path) => path.toString('latin1')),
    sorted,
  );
  fc.assert(
    fc.property(aPath, aPath, (a, b) => {
      const [left, right] = [a, b].map((path) => path.toString('latin1').split('/')) as [string[], string[]];
      const names = left.findIndex((name, i) => name !== right[i]);
      const wanted = names < 0 ? left.length - right.length : byName(left[names], right[names]);
      if (Math.sign(comparePaths(a, b)) !== Math.sign(wanted)) throw new Error('ordered otherwise');
    }),
  );
});

function byName(a: string | undefined, b: string | undefined): number {
  if (a === undefined || b === undefined) return a === b ? 0 : a === undefined ? -1 : 1;
  return a < b ? -1 : Number(a > b);
}

t.test('paths that could leave the restore folder are refused, in entries, links and nodes', async (t) => {
  for (const path of ['', '/', '/a', 'a/', 'a//b', '.', '..', './a', 'a/..', 'a/../b', '../x', 'a\0b', 'a/./b']) {
    t.ok(pathFlaw(Buffer.from(path)), JSON.stringify(path));
    t.throws(() => encodeEntry({ ...file, path: Buffer.from(path) }), { code: 'format-limit' });
    t.throws(() => encodeEntry({ ...file, hardLink: Buffer.from(path) }), { code: 'format-limit' });
    const node = encodeNode({ level: 1, children: [{ first: Buffer.from(path), id: Buffer.alloc(32) }] });
    t.throws(() => decodeNode(node), { code: 'format-damaged' });
  }
  for (const path of ['...', 'a..', '..a', '.a', 'a/.b', '\xff\xfe', 'a b\n'])
    t.equal(pathFlaw(Buffer.from(path, 'latin1')), undefined);
});

t.test('entries that contradict themselves or each other are refused', async (t) => {
  const target = Buffer.from('x');
  const wrong: Partial<TreeEntry>[] = [
    { kind: 'symlink' },
    { linkTarget: target },
    { kind: 'symlink', linkTarget: Buffer.alloc(0) },
    { kind: 'block' },
    { device: [1, 2] },
    { kind: 'directory', hardLink: target },
    { hardLink: file.path },
    { hardLink: target, content: { inline: [] } },
    { kind: 'fifo', content: { inline: [] } },
    { kind: 'directory', disk: true },
    { size: 5, content: { inline: [{ kind: 'hole', length: 4 }] } },
    { content: { pages: Buffer.alloc(31) } },
    { size: -1 },
    { size: 2 ** 53 },
    { mode: 0o10000 },
    { uid: -1 },
    { gid: 2 ** 32 },
    { xattrs: [[Buffer.alloc(0), target]] },
  ];
  for (const part of wrong) t.throws(() => encodeEntry({ ...file, ...part }), { code: 'format-limit' });
  const below = { ...file, path: Buffer.from('a/b/c') };
  t.throws(() => encodePage([below, file]), { code: 'format-limit' }, 'out of order');
  t.throws(() => encodePage([file, file]), { code: 'format-limit' }, 'twice');
  t.throws(() => encodePage([file, below]), { code: 'format-limit' }, 'under a file');
  t.throws(() => decodePage(encodePage([below]), file), { code: 'format-damaged' }, 'under a file of the page before');
  t.throws(() => decodePage(joinEntries([encodeEntry(file), encodeEntry(file)])), { code: 'format-damaged' });
});

t.test('a huge announced count reserves no memory', async (t) => {
  for (const kind of [1, 2, 3, 4]) {
    const bytes = Buffer.concat([Buffer.of(kind, 1), Buffer.alloc(4, 0xff), Buffer.alloc(20)]);
    for (const decode of decoders) t.notOk(decodes(decode, bytes));
  }
  t.throws(() => pageKind(Buffer.of(9)), { code: 'format-damaged' });
  t.throws(() => pageKind(Buffer.alloc(0)), { code: 'format-damaged' });
});

function isSame(a: unknown, b: unknown): boolean {
  return fc.stringify(normal(a)) === fc.stringify(normal(b));
}

/** Buffers as hex and keys in order, so that two shapes compare by value. */
function normal(value: unknown): unknown {
  if (Buffer.isBuffer(value)) return value.toString('hex');
  if (Array.isArray(value)) return value.map(normal);
  if (typeof value !== 'object' || value === null) return value;
  const fields = value as Record<string, unknown>;
  return Object.keys(fields)
    .sort()
    .map((key) => [key, normal(fields[key])]);
}
