import { join } from 'node:path';
import t from 'tap';
import { findBlockDevices } from '../src/index.ts';
import { MOST_DEVICES, parseBlockDevices } from '../src/volumes/block-devices.ts';
import { attach, format, mount } from './fixtures/loop-devices.ts';
import { isRoot, temporaryFolder } from './fixtures/trees.ts';

const root = { skip: isRoot ? false : 'loop devices need root' };

const disk = (path: string, more: object = {}) => ({ path, type: 'disk', size: 1, ro: false, rm: false, ...more });

t.test('a disk with its filesystem and mount point is found', root, async (t) => {
  const folder = temporaryFolder(t);
  const device = attach(t, join(folder, 'disk.img'), 32 << 20);
  format(device, 'ext4', '-L', 'sealift test');
  const at = join(folder, 'mounted');
  mount(t, device, at);
  const { devices } = await findBlockDevices();
  const found = devices.find(({ path }) => path === device);
  t.match(found, { type: 'loop', size: 32 << 20, readOnly: false, filesystem: 'ext4', label: 'sealift test' });
  t.same(found?.mountPoints, [at]);
});

t.test('what is made of two disks is told of once, with both of them', async (t) => {
  const raid = disk('/dev/md0', { type: 'raid1', mountpoints: [null, '/srv'], fstype: 'xfs' });
  const text = JSON.stringify({
    blockdevices: [disk('/dev/sda', { children: [raid], pttype: 'gpt' }), disk('/dev/sdb', { children: [raid] })],
  });
  const { devices, notes } = parseBlockDevices(text);
  t.same(
    devices.map(({ path }) => path),
    ['/dev/sda', '/dev/md0', '/dev/sdb'],
  );
  t.match(devices[0], { table: 'gpt', parents: [] });
  t.match(devices[1], { parents: ['/dev/sda', '/dev/sdb'], mountPoints: ['/srv'], filesystem: 'xfs' });
  t.same(notes, []);
});

t.test('whatever lsblk says, what comes out of it is bounded', async (t) => {
  const many = Array.from({ length: MOST_DEVICES + 7 }, (_, i) => disk(`/dev/d${i}`));
  const { devices, notes } = parseBlockDevices(JSON.stringify({ blockdevices: many }));
  t.equal(devices.length, MOST_DEVICES);
  t.match(notes, [/7 more devices/]);
  const odd = [null, 7, {}, { path: 5 }, disk('/dev/x', { size: -1, label: 'l'.repeat(999), mountpoints: 'nowhere' })];
  const [x, ...others] = parseBlockDevices(JSON.stringify({ blockdevices: odd })).devices;
  t.match(x, { path: '/dev/x', size: 0, mountPoints: [] });
  t.equal(x?.label?.length, 255);
  t.same(others, []);
  t.throws(() => parseBlockDevices('lsblk: not found'), { code: 'disks-unknown' });
});

t.test('a machine without lsblk is told what to install', async (t) => {
  const path = process.env.PATH;
  t.teardown(() => {
    process.env.PATH = path;
  });
  process.env.PATH = temporaryFolder(t);
  const missing = findBlockDevices();
  await t.rejects(missing, { code: 'disk-tool-missing', message: /lsblk is not installed/ });
});
