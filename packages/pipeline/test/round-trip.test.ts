import { randomBytes } from 'node:crypto';
import { appendFileSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { compareTrees } from '@sealift/workloads';
import t from 'tap';
import { pair } from './pair.ts';
import { makeSparse, makeTree } from './sources.ts';

for (const mode of ['in-flight', 'source-side'] as const) {
  t.test(`a tree comes back identical in ${mode} mode, and an unchanged one sends next to nothing`, async (t) => {
    await using both = await pair();
    const source = join(both.folder, 'data');
    makeTree(source);
    const first = await both.backup([source], mode);
    t.same(first.warned, []);
    t.equal(first.sequence, 1);
    const restored = join(both.folder, 'restored');
    const outcome = await both.restore(first.pointId, mode, restored);
    t.same(outcome.warned, []);
    t.same([...compareTrees(source, join(restored, 'data'))], []);

    const second = await both.backup([source], mode);
    t.equal(second.sequence, 2);
    t.ok(second.progress.bytesSent < first.progress.bytesSent / 50, `${second.progress.bytesSent} bytes sent again`);
    const again = join(both.folder, 'again');
    await both.restore(second.pointId, mode, again);
    t.same([...compareTrees(source, join(again, 'data'))], []);
  });

  t.test(`a disk image comes back with its holes in ${mode} mode`, async (t) => {
    await using both = await pair();
    const image = join(both.folder, 'disk.img');
    makeSparse(image, 300 * 1024 * 1024 + 12_345, [
      [0, 'boot sector'],
      [70 * 1024 * 1024, 'in the middle'],
      [299 * 1024 * 1024, 'in the second stretch'],
    ]);
    const first = await both.backup([image], mode);
    t.ok(first.progress.bytesRead <= 4 * 1024 * 1024, `read ${first.progress.bytesRead} bytes`);
    const restored = join(both.folder, 'restored');
    await both.restore(first.pointId, mode, restored);
    t.same([...compareTrees(image, join(restored, 'disk.img'))], []);
  });
}

for (const mode of ['in-flight', 'source-side'] as const) {
  t.test(`into a repository that is encrypted at rest a tree goes unread by thieves in ${mode} mode`, async (t) => {
    await using both = await pair({ slotKey: randomBytes(32) });
    const source = join(both.folder, 'data');
    makeTree(source);
    const canary = randomBytes(30).toString('hex');
    writeFileSync(join(source, `named ${canary}`), canary);
    writeFileSync(
      join(source, 'large enough for a chunk of its own'),
      Buffer.concat([randomBytes(400_000), Buffer.from(canary)]),
    );
    const { pointId, warned } = await both.backup([source], mode, { compression: 'none' });
    t.same(warned, []);
    for (const item of readdirSync(both.repositoryPath, { recursive: true, withFileTypes: true })) {
      if (!item.isFile()) continue;
      t.notOk(readFileSync(join(item.parentPath, item.name)).includes(canary), `no canary in ${item.name}`);
    }
    const second = await both.backup([source], mode, { compression: 'none' });
    t.ok(second.progress.bytesStored < 100_000, `${second.progress.bytesStored} bytes stored again`);
    const restored = join(both.folder, 'restored');
    t.same((await both.restore(pointId, mode, restored)).warned, []);
    t.same([...compareTrees(source, join(restored, 'data'))], []);
  });
}

t.test('a chosen file is restored alone, with the folders above it', async (t) => {
  await using both = await pair();
  const source = join(both.folder, 'data');
  makeTree(source);
  const { pointId } = await both.backup([source], 'source-side');
  const restored = join(both.folder, 'restored');
  const { progress, warned } = await both.restore(pointId, 'source-side', restored, ['data/many/deep/text']);
  t.same(warned, []);
  t.equal(progress.files, 4);
  t.same([...compareTrees(join(source, 'many/deep/text'), join(restored, 'data/many/deep/text'))], []);
});

t.test('a further name of a file is restored with its content when its first name is not chosen', async (t) => {
  await using both = await pair();
  const source = join(both.folder, 'data');
  makeTree(source);
  const { pointId } = await both.backup([source], 'in-flight');
  const restored = join(both.folder, 'restored');
  const { warned } = await both.restore(pointId, 'in-flight', restored, ['second name']);
  t.same(warned, []);
  t.equal(readFileSync(join(restored, 'data/second name'), 'utf8'), readFileSync(join(source, 'many/file-1'), 'utf8'));
});

t.test('runs tell in which stages their threads spent the time', async (t) => {
  await using both = await pair();
  const source = join(both.folder, 'data');
  makeTree(source);
  const { pointId, progress } = await both.backup([source], 'source-side');
  const restored = await both.restore(pointId, 'source-side', join(both.folder, 'restored'));
  const taken = (stages: Record<string, number> = {}) =>
    Object.keys(stages).filter((stage) => (stages[stage] ?? 0) > 0);
  const ofBackup = ['walk', 'read', 'chunk', 'hash', 'compress', 'encrypt', 'send', 'receive'];
  t.same(new Set(taken(progress.stages)), new Set(ofBackup));
  t.same(new Set(taken(restored.progress.stages)), new Set(['send', 'receive', 'open', 'write']));
});

t.test('a change in the middle of a large file sends little more than the change', async (t) => {
  await using both = await pair();
  const source = join(both.folder, 'data');
  makeTree(source);
  await both.backup([source], 'source-side');
  appendFileSync(join(source, 'many/deep/er/large'), 'one more line');
  rmSync(join(source, 'many/file-7'));
  const second = await both.backup([source], 'source-side');
  t.ok(second.progress.bytesNew < 5_000_000, `${second.progress.bytesNew} new bytes`);
  const restored = join(both.folder, 'restored');
  await both.restore(second.pointId, 'source-side', restored);
  t.same([...compareTrees(source, join(restored, 'data'))], []);
});
