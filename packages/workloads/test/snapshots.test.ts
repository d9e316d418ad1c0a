import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Consistency, excludeRules, Leftovers, type Made, SourceHolder, walk } from '@sealift/workloads';
import t, { type Test } from 'tap';
import { lvmPlan, parseVolume } from '../src/snapshot/lvm-plan.ts';
import { parseMountPoints } from '../src/volumes/mount-points.ts';
import { mounted } from './fixtures/loop-devices.ts';
import { run } from './fixtures/programs.ts';
import { entriesOf, fill, isRoot, pathsOf, temporaryFolder, warningsOf } from './fixtures/trees.ts';

const root = { skip: isRoot ? false : 'loop devices need root' };
const NAME = Buffer.from('root');
const HOLDING = fileURLToPath(new URL('./fixtures/holding-program.ts', import.meta.url));

function holderIn(t: Test, rule: Consistency = 'auto') {
  const notes = join(temporaryFolder(t), 'leftovers');
  const holder = new SourceHolder(rule, new Leftovers(notes), (failure) => t.fail(failure.message));
  return { notes, holder, hold: (path: string) => holder.hold(Buffer.from(path), NAME) };
}

/** What of ours is among somebody's files. */
function ours(folder: string): string[] {
  return readdirSync(folder).filter((name) => name.startsWith('.sealift-'));
}

t.test('a tree on Btrfs is read as it was at one instant, and nothing of that stays', root, async (t) => {
  const { at } = mounted(t, temporaryFolder(t), 'btrfs', 128);
  fill(at, { 'data/a': 'before', 'data/deep/b': 'before' });
  symlinkSync('data', join(at, 'link'));
  const { notes, hold, holder } = holderIn(t);
  const held = await hold(join(at, 'link'));
  t.match(held?.note, /link: read from a Btrfs snapshot of 20/);
  fill(at, { 'data/a': 'changed after that', 'data/new': '' });
  rmSync(join(at, 'data/deep'), { recursive: true });
  const view = held?.view;
  const items = [...walk(Buffer.from(join(at, 'link')), { name: NAME, exclude: excludeRules([]), view } as never)];
  t.strictSame(pathsOf(items), ['', 'a', 'deep', 'deep/b']);
  t.equal(readFileSync(entriesOf(items)[1]?.source.path as Buffer, 'utf8'), 'before');
  // A second source of the same volume is of the same instant.
  t.equal((await hold(join(at, 'data/a')))?.view?.instant, view?.instant);
  t.equal(ours(at).length, 1);
  await holder[Symbol.asyncDispose]();
  t.strictSame(ours(at), []);
  t.strictSame(readdirSync(notes), []);
});

t.test('what is mounted or a subvolume below a snapshot is read where it is, and that is told', root, async (t) => {
  const folder = temporaryFolder(t);
  const { at } = mounted(t, folder, 'btrfs', 128);
  fill(at, { 'home/x': '' });
  run('btrfs', '-q', 'subvolume', 'create', join(at, 'home/nested'));
  mkdirSync(join(at, 'home/mounted'));
  fill(at, { 'home/nested/y': '', 'home/mounted/hidden': '' });
  run('mount', '-t', 'tmpfs', 'none', join(at, 'home/mounted'));
  t.teardown(() => void run('umount', join(at, 'home/mounted')));
  fill(at, { 'home/mounted/z': '' });
  const { hold, holder } = holderIn(t);
  await using _ = holder;
  const view = (await hold(join(at, 'home')))?.view;
  const walked = (oneFileSystem: boolean) => [
    ...walk(Buffer.from(join(at, 'home')), { name: NAME, exclude: excludeRules([]), oneFileSystem, view } as never),
  ];
  t.strictSame(pathsOf(walked(false)), ['', 'mounted', 'mounted/z', 'nested', 'nested/y', 'x']);
  t.strictSame(pathsOf(walked(true)), ['', 'mounted', 'nested', 'x']);
  const notes = walked(false).flatMap((item) => ('note' in item ? [item.note] : []));
  t.match(notes, [/home\/mounted is not in the snapshot/, /home\/nested is not in the snapshot/]);
  t.strictSame(warningsOf(walked(false)), []);
  // The snapshot of one run is no part of what another run reads.
  t.notMatch(pathsOf([...walk(Buffer.from(at), { name: NAME, exclude: excludeRules([]) })]), /sealift-snapshot/);
});

t.test('a single file on XFS is read from a reflink copy, with what is known of the file itself', root, async (t) => {
  const { at } = mounted(t, temporaryFolder(t), 'xfs', 320);
  writeFileSync(join(at, 'base.db'), 'before', { mode: 0o640 });
  const { hold, holder } = holderIn(t);
  const held = await hold(join(at, 'base.db'));
  t.match(held?.note, /reflink copy/);
  writeFileSync(join(at, 'base.db'), 'afterwards');
  const [entry] = held?.entries ?? [];
  t.match(entry, { path: NAME, kind: 'file', mode: 0o640, size: 6 });
  t.not(entry?.mtimeNs, statSync(join(at, 'base.db'), { bigint: true }).mtimeNs);
  t.equal(readFileSync(entry?.source.path as Buffer, 'utf8'), 'before');
  await holder[Symbol.asyncDispose]();
  t.strictSame(readdirSync(at), ['base.db']);
});

t.test('where there can be no snapshot, that is told, or refused if one is demanded', root, async (t) => {
  const { at } = mounted(t, temporaryFolder(t), 'ext4', 32);
  fill(at, { 'data/a': '' });
  for (const path of [join(at, 'data'), join(at, 'data/a')]) {
    const held = await holderIn(t).hold(path);
    t.match(held, { note: /not a snapshot, files are read while in use: ext4 has/, view: undefined });
    t.strictSame(readdirSync(join(at, 'data')), ['a']);
    const demanded = holderIn(t, 'snapshot').hold(path);
    await t.rejects(demanded, { code: 'snapshot-impossible', kind: 'refused', message: /ext4 has/ });
  }
  t.equal(await holderIn(t, 'none').hold(at), undefined);
  await t.rejects(holderIn(t).hold(join(at, 'nowhere')), { code: 'unreadable' });
});

t.test('without root no snapshot is tried, and files are read all the same', root, async (t) => {
  const folder = temporaryFolder(t);
  chmodSync(folder, 0o755);
  const { at } = mounted(t, folder, 'btrfs', 128);
  fill(at, { a: '' });
  process.seteuid?.(65_534);
  const held = await holderIn(t)
    .hold(at)
    .finally(() => process.seteuid?.(0));
  t.match(held?.note, /not a snapshot.*does not run as root/);
  t.strictSame(ours(at), []);
});

t.test('what a killed process has left is removed at the next start', root, async (t) => {
  const folder = temporaryFolder(t);
  const btrfs = mounted(t, folder, 'btrfs', 128).at;
  const xfs = mounted(t, folder, 'xfs', 320).at;
  fill(btrfs, { a: '' });
  fill(xfs, { file: 'x' });
  const notes = join(folder, 'leftovers');
  for (const source of [btrfs, join(xfs, 'file')]) {
    const child = spawn(process.execPath, [HOLDING, source, notes], { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(child.stdout, 'data');
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
  t.equal(ours(btrfs).length + ours(xfs).length, 2);
  // A note may be all that there is, and may be cut off.
  const gone: Made = { kind: 'btrfs', path: join(btrfs, '.sealift-snapshot-never-made') };
  writeFileSync(join(notes, 'gone.json'), JSON.stringify(gone));
  writeFileSync(join(notes, 'cut.json'), '{"kind":');
  const removed: Made[] = [];
  await new Leftovers(notes).removeAll(
    (made) => removed.push(made),
    (failure) => t.fail(failure.message),
  );
  t.equal(removed.length, 3);
  t.strictSame([...ours(btrfs), ...ours(xfs), ...readdirSync(notes)], []);
  t.ok(existsSync(join(btrfs, 'a')) && existsSync(join(xfs, 'file')));
});

// There is no device-mapper here: what is run, and in which order, is all that can be looked at.
t.test('the plan of an LVM snapshot freezes nothing by itself and mounts read-only', async (t) => {
  const volume = { group: 'vg', name: 'root', thin: false };
  const { make, device } = lvmPlan(volume, 'vg/sealift-snapshot-1', 'xfs', '/tmp/at');
  t.equal(device, '/dev/vg/sealift-snapshot-1');
  const [create, mountIt] = make;
  t.strictSame(create, [
    ...['lvcreate', '--quiet', '--snapshot', '--permission', 'r', '--extents', '15%ORIGIN'],
    ...['--name', 'sealift-snapshot-1', 'vg/root'],
  ]);
  t.strictSame(mountIt, ['mount', '-o', 'ro,nouuid,norecovery', device, '/tmp/at']);
  const thin = lvmPlan({ ...volume, thin: true }, 'vg/s', 'ext4', '/tmp/at');
  t.notMatch(thin.make[0]?.join(' '), /extents/);
  t.match(thin.make[1], ['mount', '-o', 'ro,noload']);
  const report = { report: [{ lv: [{ vg_name: 'vg', lv_name: 'root', pool_lv: 'pool' }] }] };
  t.strictSame(parseVolume(JSON.stringify(report)), { group: 'vg', name: 'root', thin: true });
  t.equal(parseVolume('{"report":[{"lv":[]}]}'), undefined);
});

t.test('mount points are read as the kernel writes them', async (t) => {
  const text =
    '29 1 254:0 / /odd\\040name rw,relatime shared:1 master:2 - ext4 /dev/sd\\134a ro,discard\n' + 'a torn line\n\n';
  t.strictSame(parseMountPoints(text), [
    { at: Buffer.from('/odd name'), filesystem: 'ext4', source: '/dev/sd\\a', device: '254:0', readOnly: true },
  ]);
});
