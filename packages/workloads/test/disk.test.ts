import { spawnSync } from 'node:child_process';
import { closeSync, openSync, readSync, truncateSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { describeSource, openSource, type RestoreWarning, TreeWriter } from '@sealift/workloads';
import t from 'tap';
import { bytes, differences, entriesOf, isRoot, temporaryFolder, walkAll, writeContent } from './fixtures/trees.ts';

const MIB = 1 << 20;

/** A block device of `size` bytes filled with `fill`; undefined where the machine offers no loop devices. */
function loopDevice(t: Tap, size: number, fill: number): string | undefined {
  const image = join(temporaryFolder(t), 'backing');
  writeFileSync(image, Buffer.alloc(size, fill));
  const { status, stdout } = spawnSync('losetup', ['--find', '--show', image], { encoding: 'utf8' });
  if (status !== 0) return undefined;
  const device = stdout.trim();
  t.teardown(() => spawnSync('losetup', ['--detach', device]));
  return device;
}

type Tap = { teardown(work: () => void): void };

function contentOf(device: string, size: number): Buffer {
  const content = Buffer.alloc(size);
  const fd = openSync(device, 'r');
  readSync(fd, content, 0, size, 0);
  closeSync(fd);
  return content;
}

/** A sparse image: a hole, then data, then a hole. */
function sparseImage(t: Tap): string {
  const image = join(temporaryFolder(t), 'vm.raw');
  writeFileSync(image, '');
  truncateSync(image, 3 * MIB);
  const fd = openSync(image, 'r+');
  writeSync(fd, Buffer.alloc(MIB, 7), 0, MIB, MIB);
  closeSync(fd);
  return image;
}

function restoreDisk(from: string, to: string, overwrite: 'never' | 'always') {
  const warnings: RestoreWarning[] = [];
  using writer = new TreeWriter(to, { overwrite, special: false, onWarning: (warning) => warnings.push(warning) });
  const restored = entriesOf(walkAll(from)).map((entry) => writeContent(writer, entry));
  return { restored, codes: warnings.map((warning) => warning.code) };
}

t.test('a disk image is one entry and comes back as a sparse file', async (t) => {
  const image = sparseImage(t);
  t.match(entriesOf(walkAll(image)), [{ kind: 'file', disk: true, size: 3 * MIB, path: bytes('root') }]);
  const to = temporaryFolder(t);
  t.strictSame(restoreDisk(image, to, 'never'), { restored: [true], codes: [] });
  t.strictSame(differences(image, join(to, 'root')), []);
});

t.test('a block device is read with its size, restored to a folder as an image', { skip: !isRoot }, async (t) => {
  const device = loopDevice(t, 2 * MIB, 5);
  if (device === undefined) return;
  t.match(describeSource(bytes(device)), { kind: 'disk', size: 2 * MIB });
  const [entry] = entriesOf(walkAll(device));
  t.match(entry, { kind: 'file', disk: true, size: 2 * MIB, device: undefined });
  using source = openSource(bytes(device), entry?.source);
  t.strictSame([...source.segments()], [{ kind: 'data', offset: 0, length: 2 * MIB }]);
  t.equal(entry === undefined || source.changedSince(entry.source), false);
  const to = temporaryFolder(t);
  t.strictSame(restoreDisk(device, to, 'never'), { restored: [true], codes: [] });
  t.ok(contentOf(join(to, 'root'), 2 * MIB).equals(Buffer.alloc(2 * MIB, 5)));
});

t.test('restored onto a block device, holes of the image clear what was there', { skip: !isRoot }, async (t) => {
  const device = loopDevice(t, 4 * MIB, 9);
  if (device === undefined) return;
  t.strictSame(restoreDisk(sparseImage(t), device, 'never'), { restored: [false], codes: ['kept'] });
  t.strictSame(restoreDisk(sparseImage(t), device, 'always'), { restored: [true], codes: [] });
  const wanted = Buffer.concat([Buffer.alloc(MIB), Buffer.alloc(MIB, 7), Buffer.alloc(MIB), Buffer.alloc(MIB, 9)]);
  t.ok(contentOf(device, 4 * MIB).equals(wanted), 'what lies after the image stays');
});

t.test('a block device that is too small, or given a tree, takes nothing', { skip: !isRoot }, async (t) => {
  const device = loopDevice(t, MIB, 9);
  if (device === undefined) return;
  t.throws(() => restoreDisk(sparseImage(t), device, 'always'), { code: 'device-too-small', message: /1048576/ });
  const plain = join(temporaryFolder(t), 'plain');
  writeFileSync(plain, 'x');
  t.strictSame(restoreDisk(plain, device, 'always'), { restored: [false], codes: ['in-the-way'] });
  t.ok(contentOf(device, MIB).equals(Buffer.alloc(MIB, 9)));
});
