import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Failure } from '@sealift/core';
import { NbdClient, openMachine } from '@sealift/workloads';
import t from 'tap';
import { Machine, qemu } from './fixtures/machine.ts';
import { isRoot, temporaryFolder } from './fixtures/trees.ts';

const MIB = 1 << 20;

t.test('what a machine overwrites is read as it was, and zeros that come later are not seen', async (t) => {
  const folder = temporaryFolder(t);
  await using machine = await Machine.start(folder);
  await machine.write(1, 'write -P 1 8M 8M');
  await using open = await openMachine(Buffer.from(machine.socket), Buffer.from('web'), {
    scratch: folder,
    onLost: t.fail,
  });
  t.same(
    open.entries.map(({ path, kind, disk }) => [`${path}`, kind, disk]),
    [
      ['web', 'directory', undefined],
      ['web/machine.json', 'file', undefined],
      ['web/vd0.raw', 'file', true],
      ['web/vd1.raw', 'file', true],
    ],
  );
  await machine.write(1, 'write -P 2 8M 2M');
  await machine.write(1, 'write -z -u 12M 2M');
  const nbd = open.entries[3]?.source.nbd;
  if (nbd === undefined) throw new Error('a disk of a machine is read over NBD');
  await using client = await NbdClient.connect(nbd.address, { exportName: nbd.exportName });
  const content = Buffer.alloc(8 * MIB);
  await client.read(8 * MIB, content);
  t.ok(content.equals(Buffer.alloc(8 * MIB, 1)));
});

t.test('a machine is let go before there is no room for what it overwrites', { skip: !isRoot }, async (t) => {
  const folder = temporaryFolder(t);
  await using machine = await Machine.start(folder);
  await machine.write(0, 'write -P 1 0 8M');
  const scratch = join(folder, 'small');
  mkdirSync(scratch);
  qemu('mount', '-t', 'tmpfs', '-o', 'size=64M', 'small', scratch);
  t.teardown(() => {
    qemu('umount', scratch);
  });
  const lost = Promise.withResolvers<Failure>();
  const open = () => openMachine(Buffer.from(machine.socket), Buffer.from('web'), { scratch, onLost: lost.resolve });
  {
    await using opened = await open();
    t.equal(opened.entries.length, 4);
    await machine.write(0, 'write -P 2 0 1M');
    writeFileSync(join(scratch, 'ballast'), Buffer.alloc(61 * MIB));
    t.match(await lost.promise, { code: 'vm-no-room' });
    // What there still was room for is enough until QEMU has stopped copying.
    while ((await machine.leftBehind()).length > 0) await machine.write(0, 'write -P 3 0 64k');
    await machine.write(0, 'write -P 4 0 8M');
  }
  t.same(readdirSync(scratch), ['ballast']);
  await t.rejects(open(), { code: 'vm-no-room' });
});
