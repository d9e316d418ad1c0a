import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { QmpClient } from '@sealift/workloads';
import t from 'tap';
import { Machine, qemu, SIZE } from '../../workloads/test/fixtures/machine.ts';
import { type Pair, pair } from './pair.ts';

// Others leave theirs in the common one meanwhile.
process.env.TMPDIR = mkdtempSync(join(tmpdir(), 'sealift-'));
t.teardown(() => rmSync(tmpdir(), { recursive: true, force: true }));

const MIB = 1 << 20;
function scratchLeft(both: Pair): string[] {
  const here = readdirSync(both.folder).filter((name) => /^(fleecing|machine)-/.test(name));
  return [...here, ...readdirSync(tmpdir()).filter((name) => name.startsWith('sealift-vm-'))];
}

function byteAt(file: string, at: number): number | undefined {
  return readFileSync(file)[at];
}

for (const mode of ['in-flight', 'source-side'] as const) {
  t.test(`a running machine is kept as it was at one instant, while it goes on writing, in ${mode} mode`, async (t) => {
    await using both = await pair();
    await using machine = await Machine.start(both.folder);
    await machine.write(0, 'write -P 1 0 4M');
    await machine.write(1, 'write -P 2 200M 4M');
    let counter = 3;
    let writing = true;
    // The same byte goes to the first disk and then to the second, over and over.
    const guest = (async () => {
      while (writing) {
        for (const disk of [0, 1]) await machine.write(disk, `write -P ${counter} 100M 64k`);
        counter = counter === 250 ? 3 : counter + 1;
        await sleep(5);
      }
    })();
    await sleep(100);
    const { pointId, warned, progress } = await both.backup([machine.socket], mode);
    writing = false;
    await guest;
    t.same(warned, []);
    t.ok(progress.bytesRead < 20 * MIB, `read ${progress.bytesRead} bytes`);
    t.same(await machine.leftBehind(), []);
    t.same(scratchLeft(both), []);

    const restored = join(both.folder, 'restored');
    t.same((await both.restore(pointId, mode, restored)).warned, []);
    t.same(readdirSync(join(restored, 'web')).sort(), ['machine.json', 'vd0.raw', 'vd1.raw']);
    const [first, second] = ['vd0.raw', 'vd1.raw'].map((name) => byteAt(join(restored, 'web', name), 100 * MIB));
    t.ok(first === second || first === (second as number) + 1 || first === 3, `${first} and ${second}`);
    t.equal(byteAt(join(restored, 'web', 'vd0.raw'), MIB), 1);
    t.equal(byteAt(join(restored, 'web', 'vd1.raw'), 201 * MIB), 2);
    const definition = JSON.parse(readFileSync(join(restored, 'web', 'machine.json'), 'utf8'));
    t.match(definition, {
      name: 'web',
      disks: [
        { node: 'node0', format: 'qcow2', file: machine.disks[0], size: SIZE, image: 'vd0.raw' },
        { node: 'node1', format: 'qcow2', file: machine.disks[1], size: SIZE, image: 'vd1.raw' },
      ],
    });
    t.ok(definition.command.includes('-nodefaults'));
  });
}

t.test('a machine that is killed meanwhile ends the run, and nothing stays behind', async (t) => {
  await using both = await pair();
  await using machine = await Machine.start(both.folder);
  await machine.write(0, 'write -P 1 0 200M');
  const run = both.backup([machine.socket], 'in-flight');
  run.catch(() => {});
  while (!(await machine.leftBehind()).includes('sealift-export-1')) await sleep(5);
  machine.child.kill('SIGKILL');
  await t.rejects(run, { code: /^(nbd|vm)-/ });
  t.same(scratchLeft(both), []);
});

t.test('what a killed process has left in a machine is removed by the next run', async (t) => {
  await using both = await pair();
  await using machine = await Machine.start(both.folder);
  await machine.write(0, 'write -P 9 7M 1M');
  const stop = new AbortController();
  const aborted = both.backup([machine.socket], 'in-flight', {
    signal: stop.signal,
    onProgress: () => stop.abort(new Error('enough')),
  });
  await aborted.catch(() => {});
  t.same(await machine.leftBehind(), []);
  const fleecing = join(both.folder, 'left.qcow2');
  qemu('qemu-img', 'create', '-q', '-f', 'qcow2', fleecing, `${SIZE}`);
  const file = { driver: 'file', filename: fleecing };
  const left = { driver: 'qcow2', 'node-name': 'sealift-fleecing-0', file, backing: 'node0' };
  await machine.qmp.execute('blockdev-add', left);
  const job = { 'job-id': 'sealift-job-0', device: 'node0', target: 'sealift-fleecing-0', sync: 'none' };
  await machine.qmp.execute('blockdev-backup', job);
  const addr = { type: 'unix', data: { path: join(both.folder, 'left.sock') } };
  await machine.qmp.execute('nbd-server-start', { addr });
  t.not((await machine.leftBehind()).length, 0);
  const { pointId, warned } = await both.backup([machine.socket], 'in-flight');
  t.same(warned, []);
  t.same(await machine.leftBehind(), []);
  const restored = join(both.folder, 'restored');
  await both.restore(pointId, 'in-flight', restored);
  t.equal(byteAt(join(restored, 'web', 'vd0.raw'), 7 * MIB), 9);
});

t.test('a monitor in use, one of nobody, and no monitor at all end the run by name', async (t) => {
  await using both = await pair();
  await using machine = await Machine.start(both.folder);
  {
    await using other = await QmpClient.connect(machine.socket);
    t.match(await other.execute('query-status'), { status: 'prelaunch' });
    await t.rejects(both.backup([machine.socket], 'in-flight'), { code: 'vm-busy' });
  }
  machine.child.kill('SIGKILL');
  await once(machine.child, 'exit');
  await t.rejects(both.backup([machine.socket], 'in-flight'), { code: 'vm-unreachable' });
});
