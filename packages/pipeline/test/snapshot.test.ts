import { mkdirSync, readdirSync, readFileSync, watch, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { mounted } from '../../workloads/test/fixtures/loop-devices.ts';
import { temporaryFolder } from '../../workloads/test/fixtures/trees.ts';
import { pair } from './pair.ts';
import { SETTLING } from './settled-pair.ts';

const root = { skip: process.geteuid?.() === 0 ? false : 'loop devices need root' };

t.test('a backup holds its source as it was at one instant, and the next run what came after it', root, async (t) => {
  await using both = await pair();
  const { at } = mounted(t, temporaryFolder(t), 'btrfs', 128);
  const source = join(at, 'data');
  mkdirSync(source);
  for (let i = 0; i < 100; i++) writeFileSync(join(source, `file-${i}`), 'before');
  await sleep(SETTLING);
  const more = { cache: join(both.folder, 'cache'), leftovers: join(both.folder, 'leftovers'), reading: {} };
  const valuesIn = async (pointId: string, name: string) => {
    t.same((await both.restore(pointId, 'in-flight', join(both.folder, name))).warned, []);
    const folder = join(both.folder, name, 'data');
    return new Set(readdirSync(folder).map((file) => readFileSync(join(folder, file), 'utf8')));
  };

  // Everything is overwritten, with as many bytes, as soon as the snapshot is there.
  const watcher = watch(at, (_, name) => {
    if (name?.startsWith('.sealift-snapshot-') !== true) return;
    watcher.close();
    for (let i = 0; i < 100; i++) writeFileSync(join(source, `file-${i}`), 'after!');
  });
  const first = await both.backup([source], 'in-flight', more);
  t.match(first.progress.notes, [/data: read from a Btrfs snapshot of/]);
  t.same(first.warned, []);
  t.same([...(await valuesIn(first.pointId, 'first'))], ['before']);
  t.same(readdirSync(at), ['data']);

  const second = await both.backup([source], 'in-flight', more);
  t.equal(second.progress.filesUnchanged ?? 0, 0);
  t.same([...(await valuesIn(second.pointId, 'second'))], ['after!']);
  await sleep(SETTLING);
  await both.backup([source], 'in-flight', more);
  const unchanged = await both.backup([source], 'in-flight', more);
  t.match(unchanged.progress, { filesUnchanged: 100, bytesRead: 0 });
});

t.test('a warning about something in a snapshot names it by where it is', root, async (t) => {
  await using both = await pair();
  const { at } = mounted(t, temporaryFolder(t), 'btrfs', 128);
  writeFileSync(join(at, 'file'), 'x');
  const server = (await import('node:net')).createServer().listen(join(at, 'socket'));
  await new Promise((resolve) => server.once('listening', resolve));
  const made = await both.backup([at], 'in-flight', { leftovers: join(both.folder, 'leftovers') });
  server.close();
  const path = join(at, 'socket');
  t.match(made.warned, [{ path: Buffer.from(path), code: 'socket', message: `${path} is a socket and is not kept` }]);
});
