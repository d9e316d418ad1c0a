import { mkdirSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Entry, EntryFilter } from '@sealift/wire';
import t from 'tap';
import { findEntries, statEntry } from '../src/index.ts';
import { pair } from './pair.ts';
import { makeTree } from './sources.ts';

const NEVER = new AbortController().signal;
const both = await pair();
t.teardown(() => both[Symbol.asyncDispose]());
const tree = join(both.folder, 'tree');

function makeSearched(): void {
  makeTree(tree);
  mkdirSync(join(tree, 'etc/nginx'), { recursive: true });
  writeFileSync(join(tree, 'etc/nginx/nginx.conf'), 'server {}');
  writeFileSync(join(tree, 'etc/hosts.CONF'), 'upper case');
  writeFileSync(join(tree, 'etc/Größe.conf'), 'x'.repeat(5000));
  symlinkSync('nginx/nginx.conf', join(tree, 'etc/link.conf'));
  utimesSync(join(tree, 'etc/nginx/nginx.conf'), 1_000_000_000, 1_000_000_000);
}

for (const mode of ['in-flight', 'source-side'] as const) {
  t.test(`a point (${mode}) is searched without being restored`, async (t) => {
    if (mode === 'in-flight') makeSearched();
    const { pointId } = await both.backup([tree], mode);
    const search = (filter: EntryFilter, more: { path?: string; limit?: number; cursor?: Buffer } = {}) => {
      const { path = '', limit = 500, ...rest } = more;
      return findEntries({ ...both.lookAt(pointId, mode), filter, path: Buffer.from(path), limit, ...rest }, NEVER);
    };
    const names = async (filter: EntryFilter, path = '') => {
      const { entries, next } = await search(filter, { path });
      t.equal(next, undefined);
      return entries.map((entry: Entry) => entry.path.toString());
    };
    const CONF = ['tree/etc/Größe.conf', 'tree/etc/link.conf', 'tree/etc/nginx/nginx.conf'];
    t.same(await names({ name: '*.conf' }), CONF, 'by a pattern for names');
    t.same(await names({ name: 'tree/etc/*.conf' }), CONF.slice(0, 2), 'by a pattern for paths');
    t.same(await names({ name: '*.conf', kind: 'file' }), [CONF[0], CONF[2]], 'by kind');
    t.same(await names({ contains: 'GRÖSSE' }), [], 'ß is a letter of its own');
    t.same(await names({ contains: 'größ' }), [CONF[0]], 'by a part of the name, in any case');
    t.same(await names({ name: '*.conf', larger: 5000 }), [CONF[0]], 'by least size');
    t.same(await names({ name: '*.conf', smaller: 4999 }), [CONF[2]], 'by most size: a link has none');
    t.same(await names({ older: 1_000_000_001_000 }), [CONF[2]], 'by time');
    t.same(await names({ name: '*.conf', newer: 1_000_000_001_000 }), CONF.slice(0, 2));
    t.same(await names({ name: '*' }, 'tree/etc/nginx'), [CONF[2]], 'in a folder');
    await t.rejects(names({}, 'tree/nowhere'), { code: 'not-found' });
    await t.rejects(names({}, 'tree/empty'), { code: 'not-found' }, 'a file is no folder');
    await t.rejects(names({ name: '[' }), { code: 'bad-exclude' });

    const whole = await names({}, 'tree/many');
    t.equal(whole.length, 304);
    const paged: string[] = [];
    for (let cursor: Buffer | undefined; ; ) {
      const page = await search({}, { path: 'tree/many', limit: 100, ...(cursor === undefined ? {} : { cursor }) });
      paged.push(...page.entries.map((entry) => entry.path.toString()));
      cursor = page.next;
      if (cursor === undefined) break;
    }
    t.same(paged, whole, 'pages follow each other without a gap');
  });
}

t.test('versions of a file are told apart by where their content is stored', async (t) => {
  const file = join(tree, 'etc/nginx/nginx.conf');
  const backUp = async () => (await both.backup([tree], 'source-side')).pointId;
  const versionIn = async (pointId: string, path = 'tree/etc/nginx/nginx.conf') =>
    (await statEntry({ ...both.lookAt(pointId, 'source-side'), path: Buffer.from(path) }, NEVER)).entry;
  const first = await versionIn('latest');
  utimesSync(file, 1_100_000_000, 1_100_000_000);
  const touched = await versionIn(await backUp());
  t.same(touched?.content, first?.content, 'touched: the same content');
  t.not(touched?.mtimeNs, first?.mtimeNs);
  writeFileSync(file, 'server  {}');
  const last = await backUp();
  t.notSame((await versionIn(last))?.content, first?.content);
  t.equal(await versionIn(last, 'tree/etc/nowhere'), undefined);
  const [one, other] = [await versionIn(last, 'tree/many/file-1'), await versionIn(last, 'tree/second name')];
  t.ok(one?.content);
  t.same(other?.content, one?.content, 'another name of the same file');
});
