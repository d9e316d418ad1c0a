import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { pair } from './pair.ts';
import { holds, SETTLING, settledPair } from './settled-pair.ts';
import { makeSparse, noise } from './sources.ts';

for (const mode of ['in-flight', 'source-side'] as const) {
  t.test(`what is unchanged is not read again in ${mode} mode, and whatever is touched is`, async (t) => {
    const { both, source, cache } = await settledPair();
    await using _ = both;
    const first = await both.backup([source], mode, { cache });
    t.equal(first.progress.filesUnchanged ?? 0, 0);
    t.equal(statSync(cache).mode & 0o777, 0o600);

    const second = await both.backup([source], mode, { cache });
    t.match(second.progress, { bytesRead: 0, filesUnchanged: first.files, bytesUnchanged: first.bytes });
    t.match(second, { files: first.files, bytes: first.bytes, warned: [] });
    await holds(t, both, second, mode, source);

    const many = join(source, 'many');
    const { atime, mtime } = statSync(join(many, 'file-5'));
    const before = readFileSync(join(many, 'file-5'));
    writeFileSync(join(many, 'file-5'), Buffer.alloc(before.length, 'x'));
    utimesSync(join(many, 'file-5'), atime, mtime);
    renameSync(join(many, 'file-6'), join(many, 'another name'));
    renameSync(join(source, 'many/deep'), join(source, 'wide/moved'));
    rmSync(join(many, 'file-8'));
    chmodSync(join(many, 'file-9'), 0o600);
    rmSync(join(source, 'link'));
    symlinkSync('many/file-9', join(source, 'link'));
    rmSync(join(many, 'file-10'));
    mkdirSync(join(many, 'file-10'));
    writeFileSync(join(many, 'file-10/in it'), 'new');
    linkSync(join(many, 'file-11'), join(many, 'zz'));
    rmSync(join(source, 'second name'));
    const third = await both.backup([source], mode, { cache });
    t.same(third.warned, []);
    t.ok(third.progress.bytesRead > 0 && (third.progress.filesUnchanged ?? 0) > 2500);
    await holds(t, both, third, mode, source);

    const fourth = await both.backup([source], mode, { cache });
    t.same(fourth.warned, []);
    await holds(t, both, fourth, mode, source);
  });
}

t.test('disk images are read every time, large files with holes are not', async (t) => {
  await using both = await pair();
  const source = join(both.folder, 'data');
  mkdirSync(source);
  const cache = join(both.folder, 'cache');
  makeSparse(join(source, 'sparse'), 50_000_000, [[20_000_000, 'x']]);
  const image = join(both.folder, 'disk.img');
  writeFileSync(image, noise('disk', 3_000_000));
  truncateSync(image, 10_000_000);
  await new Promise((resolve) => setTimeout(resolve, SETTLING));
  await both.backup([source, image], 'in-flight', { cache });
  const second = await both.backup([source, image], 'in-flight', { cache });
  t.match(second.progress, { filesUnchanged: 1, bytesUnchanged: 50_000_000 });
  t.ok(second.progress.bytesRead >= 3_000_000);
  await holds(t, both, second, 'in-flight', source);
});

t.test('a file that takes the inode, size and time of another is read', async (t) => {
  const { both, source, cache } = await settledPair();
  await using _ = both;
  const path = join(source, 'many/file-12');
  const { ino, atime, mtime, size } = statSync(path);
  await both.backup([source], 'in-flight', { cache });
  rmSync(path);
  const others: string[] = [];
  // The filesystem gives free inodes again sooner or later; if it never does, another inode must be noticed as well.
  for (let i = 0; i < 200 && !existsSync(path); i++) {
    const other = join(source, `many/file-12.${i}`);
    writeFileSync(other, 'y'.repeat(size));
    if (statSync(other).ino === ino || i === 199) renameSync(other, path);
    else others.push(other);
  }
  for (const other of others) rmSync(other);
  utimesSync(path, atime, mtime);
  const second = await both.backup([source], 'in-flight', { cache });
  t.ok(second.progress.bytesRead >= size);
  await holds(t, both, second, 'in-flight', source);
});

t.test('entries that could not be kept are tried again, also in folders that nobody has touched', async (t) => {
  const { both, source, cache } = await settledPair();
  await using _ = both;
  const socket = join(source, 'many/deep/socket');
  execFileSync(process.execPath, [
    '-e',
    `require('net').createServer().listen(${JSON.stringify(socket)}, () => process.exit())`,
  ]);
  if (!existsSync(socket)) execFileSync('mkfifo', [socket]);
  await new Promise((resolve) => setTimeout(resolve, SETTLING));
  const first = await both.backup([source], 'in-flight', { cache });
  const second = await both.backup([source], 'in-flight', { cache });
  t.same(second.warned, first.warned);
  t.equal(second.progress.bytesRead, 0);
});

t.test('a run that fails leaves the cache of the one before, and nothing beside it', async (t) => {
  const { both, source, cache } = await settledPair();
  await using _ = both;
  await both.backup([source], 'in-flight', { cache });
  const before = readFileSync(cache);
  writeFileSync(join(source, 'new'), noise('new', 2_000_000));
  await t.rejects(both.backup([source], 'in-flight', { cache, byteQuota: 1000 }));
  t.same(readFileSync(cache), before);
  t.same(
    readdirSync(both.folder).filter((name) => name.startsWith('cache.')),
    [],
  );
});
