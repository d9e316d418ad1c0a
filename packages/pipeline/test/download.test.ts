import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { toFailure } from '@sealift/core';
import type { ArchiveFormat, DownloadPart } from '@sealift/wire';
import { compareTrees } from '@sealift/workloads';
import t from 'tap';
import { download } from '../src/index.ts';
import { type Pair, pair } from './pair.ts';
import { makeTree, noise } from './sources.ts';

const NEVER = new AbortController().signal;

async function get(both: Pair, pointId: string, path: string, format: ArchiveFormat) {
  const parts: DownloadPart[] = [];
  const options = { ...both.lookAt(pointId, 'in-flight'), path: Buffer.from(path), format };
  await download(options, NEVER, async (coming) => {
    for await (const part of coming)
      parts.push(part.kind === 'data' ? { ...part, bytes: Buffer.from(part.bytes) } : part);
  });
  const bytes = Buffer.concat(parts.flatMap((part) => (part.kind === 'data' ? [part.bytes] : [])));
  return { bytes, warnings: parts.filter((part) => part.kind === 'warning') };
}

function extract(tar: Buffer, to: string): void {
  mkdirSync(to);
  writeFileSync(`${to}.tar`, tar);
  execFileSync('tar', ['--same-owner', '--xattrs', '--xattrs-include=*', '-xpf', `${to}.tar`, '-C', to]);
}

t.test(
  'a folder as tar holds long names, odd bytes, holes and links, and every entry under a path from there',
  async (t) => {
    await using both = await pair();
    const source = join(both.folder, 'data');
    makeTree(source);
    const long = join(source, 'x'.repeat(200), 'y'.repeat(200));
    mkdirSync(long, { recursive: true });
    writeFileSync(join(long, 'z'.repeat(200)), 'far down');
    const { pointId } = await both.backup([source], 'in-flight');
    const whole = await get(both, pointId, 'data', 'auto');
    extract(whole.bytes, join(both.folder, 'whole'));
    t.same([...compareTrees(source, join(both.folder, 'whole/data'))], []);
    t.same(whole.warnings, []);
    t.ok(whole.bytes.length < 12 * 1024 * 1024, 'holes take no room');
    const part = await get(both, pointId, 'data/many', 'tar');
    extract(part.bytes, join(both.folder, 'part'));
    t.same([...compareTrees(join(source, 'many'), join(both.folder, 'part/many'))], []);
    const one = await get(both, pointId, 'data/second name', 'tar');
    extract(one.bytes, join(both.folder, 'one'));
    t.same(readFileSync(join(both.folder, 'one/second name')), readFileSync(join(source, 'many/file-1')));
    const sparse = await get(both, pointId, 'data/sparse', 'file');
    t.ok(sparse.bytes.equals(readFileSync(join(source, 'sparse'))), 'a file as it is, its holes as zeros');
  },
);

t.test(
  'a damaged small file is left out of an archive, a damaged large one filled up, both named; alone they fail',
  async (t) => {
    await using both = await pair();
    const source = join(both.folder, 'data');
    mkdirSync(source);
    writeFileSync(join(source, 'large'), noise('large', 6_000_000));
    const { pointId } = await both.backup([source], 'in-flight');
    const before = new Set(packsOf(both));
    writeFileSync(join(source, 'small'), noise('small', 300_000));
    const second = await both.backup([source], 'in-flight');
    t.not(second.pointId, pointId);
    for (const pack of packsOf(both)) damage(pack, before.has(pack) ? statSync(pack).size / 2 : 50_000);
    const { bytes, warnings } = await get(both, second.pointId, 'data', 'tar');
    const named = warnings.map((warning) => (warning.kind === 'warning' ? warning.path.toString() : ''));
    t.same(named.sort(), ['data/large', 'data/small']);
    extract(bytes, join(both.folder, 'saved'));
    t.same(readdirSync(join(both.folder, 'saved/data')), ['large']);
    t.equal(statSync(join(both.folder, 'saved/data/large')).size, 6_000_000);
    for (const name of ['data/large', 'data/small']) {
      const failed = get(both, second.pointId, name, 'auto').then(() => undefined, toFailure);
      t.match(await failed, { kind: 'corrupt' });
    }
  },
);

function packsOf({ repositoryPath }: Pair): string[] {
  const names = readdirSync(repositoryPath, { recursive: true }).map(String);
  return names.filter((name) => name.endsWith('.pack')).map((name) => join(repositoryPath, name));
}

function damage(pack: string, at: number): void {
  const bytes = readFileSync(pack);
  const place = Math.floor(at);
  if (place >= bytes.length) return;
  bytes.writeUInt8((bytes[place] as number) ^ 1, place);
  writeFileSync(pack, bytes);
}
