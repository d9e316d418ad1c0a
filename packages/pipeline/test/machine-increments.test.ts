import { once } from 'node:events';
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Failure } from '@sealift/core';
import t from 'tap';
import { Machine, qemu } from '../../workloads/test/fixtures/machine.ts';
import { type BackedUp, type BackupMore, type Pair, pair } from './pair.ts';
import { pretending } from './pretending.ts';

// Others leave theirs in the common one meanwhile.
process.env.TMPDIR = mkdtempSync(join(tmpdir(), 'sealift-'));
t.teardown(() => rmSync(tmpdir(), { recursive: true, force: true }));

const MIB = 1 << 20;

/** A machine and the notes of a job that protects it. */
class Protected implements AsyncDisposable {
  readonly both: Pair;
  readonly notes: string;
  machine: Machine;

  private constructor(both: Pair, machine: Machine) {
    this.both = both;
    this.machine = machine;
    this.notes = join(both.folder, 'notes');
  }

  static async start(options: { create?: string[] } = {}): Promise<Protected> {
    const both = await pair();
    return new Protected(both, await Machine.start(both.folder, options));
  }

  backup(more: BackupMore = {}): Promise<BackedUp> {
    return this.both.backup([this.machine.socket], 'source-side', { diskNotes: this.notes, ...more });
  }

  /** Writes in MiB: `[disk, pattern, at, length]`. */
  async write(...writes: [disk: number, pattern: number, at: number, length: number][]): Promise<void> {
    for (const [disk, pattern, at, length] of writes) {
      await this.machine.write(disk, `write -P ${pattern} ${at * MIB} ${length * MIB}`);
    }
  }

  /** The bitmaps of its disks, and of all of them together the bytes that have changed. */
  async bitmaps(): Promise<{ names: string[]; dirty: number }> {
    type Told = { inserted?: { 'dirty-bitmaps'?: { name: string; count: number }[] } }[];
    const devices = await this.machine.qmp.execute<Told>('query-block');
    const all = devices.flatMap(({ inserted }) => inserted?.['dirty-bitmaps'] ?? []);
    return { names: all.map(({ name }) => name), dirty: all.reduce((sum, { count }) => sum + count, 0) };
  }

  /** What a run has read beside the description of the machine, in whole MiB. */
  static read({ progress }: BackedUp): number {
    return Math.floor(progress.bytesRead / MIB) * MIB;
  }

  /** Whether both disks of a point are those of the machine, which does not write meanwhile. */
  async same(pointId: string): Promise<boolean> {
    const restored = join(this.both.folder, pointId);
    await this.both.restore(pointId, 'source-side', restored);
    const same: boolean[] = [];
    for (const [i, disk] of this.machine.disks.entries()) {
      await this.machine.write(i, 'flush');
      const raw = join(restored, 'web', `vd${i}.raw`);
      same.push(qemu('qemu-img', 'compare', '-U', '-f', 'qcow2', '-F', 'raw', disk, raw).includes('identical'));
    }
    rmSync(restored, { recursive: true });
    return same.every((each) => each) && same.length === 2;
  }

  async restart(how: 'quit' | 'SIGKILL'): Promise<void> {
    const { child, qmp } = this.machine;
    const exited = once(child, 'exit');
    // What was not flushed may be lost with it.
    for (const disk of [0, 1]) await this.machine.write(disk, 'flush');
    if (how === 'quit') await qmp.execute('quit').catch(() => {});
    else child.kill(how);
    await exited;
    await this.machine[Symbol.asyncDispose]();
    this.machine = await Machine.start(this.both.folder);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.machine[Symbol.asyncDispose]();
    await this.both[Symbol.asyncDispose]();
  }
}

function inFull(message: RegExp) {
  return ['vd0', 'vd1'].map((name) => ({ path: Buffer.from(`web/${name}.raw`), code: 'read-in-full', message }));
}

t.test('later runs read the blocks that the bitmaps name and no others, also after the machine was off', async (t) => {
  await using site = await Protected.start();
  await site.write([0, 1, 0, 40], [1, 2, 100, 40]);
  const first = await site.backup();
  t.same(first.warned, []);
  t.equal(Protected.read(first), 80 * MIB);
  t.equal((await site.bitmaps()).names.length, 2);

  await site.machine.write(0, 'write -P 3 10M 64k');
  await site.machine.write(0, 'write -P 3 250M 12M');
  await site.machine.write(1, 'write -P 4 120832k 2M');
  const { names, dirty } = await site.bitmaps();
  t.equal(dirty, (1 + 12 + 2) * MIB);
  const second = await site.backup();
  t.same(second.warned, []);
  t.equal(Protected.read(second), dirty);
  const after = await site.bitmaps();
  t.equal(after.dirty, 0);
  t.equal(after.names.length, 2);
  t.notOk(after.names.some((name) => names.includes(name)));
  t.same(await site.machine.leftBehind(), []);
  t.ok(await site.same(second.pointId));

  // What is zeroed has changed, and is a hole that costs no reading.
  await site.machine.write(0, 'write -z -u 20M 4M');
  await site.write([1, 5, 0, 1]);
  await site.restart('quit');
  const third = await site.backup();
  t.same(third.warned, []);
  t.equal(Protected.read(third), MIB);
  t.ok(await site.same(third.pointId));
  t.equal(Protected.read(await site.backup()), 0);
});

t.test('a run that fails changes nothing: the next one reads what changed since the last that did not', async (t) => {
  await using site = await Protected.start();
  await site.write([0, 1, 0, 30], [1, 2, 0, 30]);
  await site.backup();
  const { names } = await site.bitmaps();
  await site.write([0, 3, 5, 20]);
  const full = new Failure('disk-full', 'refused', 'No room for the point.');
  site.both.served = pretending(site.both.repository, { commitPoint: () => Promise.reject(full) });
  await t.rejects(site.backup(), { code: 'disk-full' });
  site.both.served = site.both.repository;
  t.same((await site.bitmaps()).names, names);
  t.same(await site.machine.leftBehind(), []);

  // What a killed process leaves behind is removed, and what others have made stays.
  const add = (name: string) => site.machine.qmp.execute('block-dirty-bitmap-add', { node: 'node0', name });
  await add(`sealift-since-${site.both.jobId}-of-a-run-that-ended`);
  await add('sealift-changed-0');
  await add('sealift-since-of-another-job');
  await add('of-somebody-else');
  await site.write([1, 4, 7, 3]);
  const next = await site.backup();
  t.same(next.warned, []);
  t.equal(Protected.read(next), 23 * MIB);
  const others = (await site.bitmaps()).names.filter((name) => !name.includes(next.pointId));
  t.same(others.sort(), ['of-somebody-else', 'sealift-since-of-another-job']);
  t.ok(await site.same(next.pointId));
});

t.test('a lost, altered or foreign bitmap means a full run that says why', async (t) => {
  await using site = await Protected.start();
  const older = join(site.both.folder, 'older');
  await site.write([0, 1, 0, 10], [1, 2, 0, 10]);
  await site.backup();
  copyFileSync(site.notes, older);
  const expectFull = async (name: string, message: RegExp) => {
    const run = await site.backup();
    t.match(run.warned, inFull(message), name);
    t.ok(Protected.read(run) >= 20 * MIB, name);
    return run;
  };

  await site.write([0, 3, 1, 1]);
  await site.restart('SIGKILL');
  await expectFull('killed', /not closed when the machine ended|is not there/);

  await site.write([0, 4, 1, 1]);
  copyFileSync(older, site.notes);
  await expectFull('notes of another point', /the bitmap of its changes is not there/);

  await site.write([0, 5, 1, 1]);
  rmSync(site.notes);
  await expectFull('notes lost', /what the run before has noted is lost/);

  await site.write([0, 6, 1, 1]);
  const [name] = (await site.bitmaps()).names;
  for (const node of ['node0', 'node1']) {
    await site.machine.qmp.execute('block-dirty-bitmap-disable', { node, name });
  }
  await expectFull('disabled', /has not recorded/);

  for (const node of ['node0', 'node1']) {
    await site.machine.qmp.execute('block_resize', { 'node-name': node, size: 310 * MIB });
  }
  await site.write([0, 7, 305, 1]);
  const last = await expectFull('resized', /it has 325058560 bytes and had 314572800/);
  t.ok(await site.same(last.pointId));
  const next = await site.backup();
  t.same(next.warned, []);
  t.equal(Protected.read(next), 0);
});

t.test('disks that can keep no bitmap are read by their changes until the machine is off', async (t) => {
  await using site = await Protected.start({ create: ['-o', 'compat=0.10'] });
  await site.write([0, 1, 0, 10]);
  await site.backup();
  await site.write([0, 2, 1, 2]);
  const next = await site.backup();
  t.same(next.warned, []);
  t.equal(Protected.read(next), 2 * MIB);
  t.ok(await site.same(next.pointId));
  await site.restart('quit');
  t.match((await site.backup()).warned, inFull(/is not there/));
});

t.test(
  'unchanged blocks that the target has lost are read again, and an image changed in secret is found out',
  async (t) => {
    await using site = await Protected.start();
    await site.write([0, 1, 0, 4], [1, 2, 0, 4]);
    await site.backup();
    const forgetful = pretending(site.both.repository, { lookup: () => ({ state: 'missing' }) });
    site.both.served = forgetful;
    const again = await site.backup();
    t.same(again.warned, []);
    // Four equal chunks a disk.
    t.equal(Protected.read(again), 2 * MIB);
    t.ok(await site.same(again.pointId));

    await site.write([0, 3, 0, 1]);
    const [name] = (await site.bitmaps()).names;
    await site.machine.qmp.execute('block-dirty-bitmap-clear', { node: 'node0', name });
    await t.rejects(site.backup(), { code: 'changes-missed' });
    site.both.served = site.both.repository;
    const full = await site.backup();
    t.match(full.warned, inFull(/has noted is lost/));
    t.ok(await site.same(full.pointId));
  },
);
