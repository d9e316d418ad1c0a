import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { chunkKeysFromSecret } from '@sealift/crypto';
import { comparePaths, encodeEntry, glanceEntry, type TreeEntry } from '@sealift/repository';
import { PRINT_BYTES } from '@sealift/workloads';
import fc from 'fast-check';
import t from 'tap';
import { CacheFileWriter, cacheIdentity, findCache, readPages } from '../src/cache/cache-file.ts';
import { type Kept, KnownPages, unpackPage } from '../src/cache/known-pages.ts';
import { readEntries, readHead } from '../src/cache/page.ts';
import { PageBuilder } from '../src/cache/page-builder.ts';

const { idKey } = chunkKeysFromSecret(randomBytes(32));
const identity = cacheIdentity([Buffer.from('job'), Buffer.from('zone')]);

interface Known {
  path: Buffer;
  encoded: Buffer;
  print: Buffer;
  settled: boolean;
  missing: boolean;
  ids: Buffer[];
}

const name = fc.stringMatching(/^[a-c.]{1,3}$/).filter((text) => text !== '.' && text !== '..');
const bytes = (length: number) =>
  fc.uint8Array({ minLength: length, maxLength: length }).map((raw) => Buffer.from(raw));
/** Few different ids, so that entries share them. */
const id = fc.integer({ min: 0, max: 5 }).map((value) => Buffer.alloc(32, value));

const entry = fc.record({
  names: fc.array(name, { minLength: 1, maxLength: 3 }),
  print: bytes(PRINT_BYTES),
  settled: fc.boolean(),
  missing: fc.integer({ min: 0, max: 9 }).map((roll) => roll === 0),
  ids: fc.array(id, { maxLength: 3 }),
});

/** Entries in tree order, each path once. */
const tree = fc.array(entry, { minLength: 1, maxLength: 40 }).map((entries): Known[] => {
  const made = entries.map(({ names, print, settled, missing, ids }): Known => {
    const path = Buffer.from(names.join('/'));
    const inline = ids.map((one) => ({ kind: 'chunk' as const, length: 7, id: one }));
    const found: TreeEntry = {
      path,
      kind: 'file',
      mode: 0o644,
      uid: 0,
      gid: 0,
      mtimeNs: 1n,
      size: inline.length * 7,
      content: { inline },
    };
    return { path, encoded: encodeEntry(found), print, settled, missing, ids };
  });
  const once = new Map(made.map((one) => [one.path.toString(), one]));
  return [...once.values()].sort((a, b) => comparePaths(a.path, b.path));
});

/** Pages of `size` entries, as a cache holds them. */
function pagesOf(entries: Known[], size: number): Buffer[] {
  return Array.from({ length: Math.ceil(entries.length / size) }, (_, i) => {
    const page = new PageBuilder();
    for (const one of entries.slice(i * size, (i + 1) * size)) {
      if (one.missing) page.addMissing(one.path);
      else page.add(one);
    }
    return page.finish(i % 2 === 0 ? Buffer.alloc(32, i) : undefined);
  });
}

async function writeCache(path: string, pages: Buffer[]): Promise<void> {
  await using file = await CacheFileWriter.create(path, 'run', idKey, identity);
  for (const page of pages) file.addPage(page);
  await file.makeCurrent();
}

function entriesOf(kept: Kept): Buffer[] {
  const page = 'kept' in kept ? kept.kept : unpackPage(kept.whole);
  return [...readEntries(page)].map(({ encoded }) => encoded);
}

function open(path: string): KnownPages {
  const cache = findCache(path, idKey, identity);
  if (cache === undefined) throw new Error('the cache is not found');
  return new KnownPages(readPages(cache));
}

t.test('a page gives back its entries and its totals', async (t) => {
  fc.assert(
    fc.property(tree, (entries) => {
      for (const page of pagesOf(entries, 1000)) {
        const kept = entries.filter(({ missing }) => !missing);
        const found = [...readEntries(page)];
        t.same(
          found.map(({ path }) => path.toString()),
          entries.map(({ path }) => path.toString()),
        );
        t.same(
          found.flatMap((one) => one.ids),
          kept.flatMap((one) => one.ids),
        );
        t.same(
          found.filter(({ missing }) => !missing).map(({ settled }) => settled),
          kept.map(({ settled }) => settled),
        );
        const bytesInAll = kept.reduce((sum, one) => sum + (glanceEntry(one.encoded).contentBytes ?? 0), 0);
        t.match(readHead(page), { files: kept.length, directories: 0, bytes: bytesInAll });
      }
    }),
    { numRuns: 100 },
  );
});

/** A walk that finds each entry the same, changed or gone. @returns what was kept, and what should have been */
function walkBeside(known: KnownPages, entries: Known[], changes: string[]): { kept: Buffer[]; expected: Buffer[] } {
  const kept: Buffer[] = [];
  for (const [i, { path, print }] of entries.entries()) {
    const what = changes[i];
    if (what === 'gone') continue;
    const found = what === 'changed' ? Buffer.alloc(PRINT_BYTES, 0xee) : print;
    if (!known.matches(path, found, undefined)) known.interrupt();
    kept.push(...known.take().flatMap(entriesOf));
  }
  known.interrupt();
  kept.push(...known.take().flatMap(entriesOf));
  const same = entries.filter(({ settled, missing }, i) => settled && !missing && changes[i] === 'same');
  return { kept, expected: same.map(({ encoded }) => encoded) };
}

t.test('beside any walk, exactly what is settled and the same is kept, in order', async (t) => {
  const path = join(mkdtempSync(join(t.testdir(), 'cache-')), 'cache');
  const change = fc.constantFrom('same', 'same', 'same', 'changed', 'gone');
  const changesOf = fc.array(change, { minLength: 40, maxLength: 40 });
  await fc.assert(
    fc.asyncProperty(tree, changesOf, fc.integer({ min: 1, max: 9 }), async (entries, changes, size) => {
      await writeCache(path, pagesOf(entries, size));
      const known = open(path);
      const { kept, expected } = walkBeside(known, entries, changes);
      t.equal(known.gaps, 0);
      t.same(kept, expected);
    }),
    { numRuns: 100 },
  );
});

t.test(
  'whatever is altered in a cache file, no entry comes out of it that did not go in, and a loss shows',
  async (t) => {
    const path = join(mkdtempSync(join(t.testdir(), 'cache-')), 'cache');
    await fc.assert(
      fc.asyncProperty(
        tree,
        fc.nat(),
        fc.integer({ min: 1, max: 255 }),
        fc.boolean(),
        async (entries, at, flip, cut) => {
          const pages = pagesOf(entries, 4);
          await writeCache(path, pages);
          const bytes = readFileSync(path);
          const place = at % bytes.length;
          if (!cut) bytes[place] = (bytes[place] as number) ^ flip;
          writeFileSync(path, cut ? bytes.subarray(0, place) : bytes);
          const cache = findCache(path, idKey, identity);
          if (cache === undefined) return;
          const read = [...readPages(cache)];
          t.ok(read.includes(undefined));
          const whole = read.flatMap((one) => (one === undefined ? [] : [one.page.toString('hex')]));
          const written = pages.map((page) => page.toString('hex'));
          t.same(
            whole,
            written.filter((page) => whole.includes(page)),
          );
        },
      ),
      { numRuns: 200 },
    );
  },
);

t.test('names of a folder come from the cache only while none can be missing', async (t) => {
  const path = join(mkdtempSync(join(t.testdir(), 'cache-')), 'cache');
  const names = ['d', 'd/a', 'd/a/x', 'd/b', 'd/c', 'e'];
  const entries = names.map((text): Known => {
    const found = { path: Buffer.from(text), kind: 'fifo' as const, mode: 0, uid: 0, gid: 0, mtimeNs: 0n, size: 0 };
    const print = Buffer.alloc(PRINT_BYTES);
    return { path: found.path, encoded: encodeEntry(found), print, settled: true, missing: false, ids: [] };
  });
  const pages = pagesOf(entries, 1);
  await writeCache(path, pages);
  const all = open(path);
  const folder = Buffer.from('d/');
  t.ok(all.matches(Buffer.from('d'), Buffer.alloc(PRINT_BYTES), undefined));
  t.equal(all.childAfter(folder, undefined), 'a');
  t.equal(all.childAfter(folder, 'a'), 'b', 'also when what is below was not asked for');
  t.equal(all.childAfter(folder, 'b'), 'c');
  t.equal(all.childAfter(folder, 'c'), undefined);
  t.equal(all.gaps, 0);

  await using torn = await CacheFileWriter.create(path, 'run', idKey, identity);
  for (const page of pages.slice(0, 4)) torn.addPage(page);
  torn.stop();
  await torn.makeCurrent();
  const some = open(path);
  t.ok(some.matches(Buffer.from('d'), Buffer.alloc(PRINT_BYTES), undefined));
  t.equal(some.childAfter(folder, 'a'), 'b');
  t.equal(some.gaps, 0);
  some.childAfter(folder, 'b');
  t.equal(some.gaps, 1);
});

t.test('a cache of something else, of another key, or of the future is none', async (t) => {
  const path = join(mkdtempSync(join(t.testdir(), 'cache-')), 'cache');
  await writeCache(path, []);
  t.ok(findCache(path, idKey, identity));
  t.equal(findCache(path, idKey, cacheIdentity([Buffer.from('jobz'), Buffer.from('one')])), undefined);
  t.equal(findCache(path, chunkKeysFromSecret(randomBytes(32)).idKey, identity), undefined);
  t.equal(findCache(`${path}.not`, idKey, identity), undefined);
  const { now } = Date;
  Date.now = () => now() + 60_000;
  await writeCache(path, []).finally(() => {
    Date.now = now;
  });
  t.equal(findCache(path, idKey, identity), undefined, 'the clock went back');
});
