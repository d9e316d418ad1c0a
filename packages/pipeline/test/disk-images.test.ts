import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { pair } from './pair.ts';
import { pretending } from './pretending.ts';

// Others leave theirs in the common one meanwhile.
process.env.TMPDIR = mkdtempSync(join(tmpdir(), 'sealift-'));
t.teardown(() => rmSync(tmpdir(), { recursive: true, force: true }));

const MIB = 1 << 20;

function qemu(program: string, ...args: string[]): string {
  return execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

function write(image: string, ...commands: string[]): void {
  for (const command of commands) qemu('qemu-io', '-f', 'qcow2', '-c', command, image);
}

function isSame(format: string, image: string, raw: string): boolean {
  return qemu('qemu-img', 'compare', '-f', format, '-F', 'raw', image, raw).includes('identical');
}

/** Folders of served images that are left, and qemu-nbd processes. */
function leftBehind(): string[] {
  const folders = readdirSync(tmpdir()).filter((name) => name.startsWith('sealift-image-'));
  const ours = readdirSync('/proc').filter((name) => /^\d+$/.test(name) && isOurs(name));
  return [...folders, ...ours];
}

function isOurs(pid: string): boolean {
  try {
    const [, parent] = /^PPid:\s*(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
    return parent === `${process.pid}` && readFileSync(`/proc/${pid}/comm`, 'utf8').startsWith('qemu-nbd');
  } catch {
    return false;
  }
}

for (const mode of ['in-flight', 'source-side'] as const) {
  t.test(`a qcow2 image with a backing file comes back as its disk in ${mode} mode`, async (t) => {
    await using both = await pair();
    const base = join(both.folder, 'base.qcow2');
    qemu('qemu-img', 'create', '-q', '-f', 'qcow2', base, '600M');
    write(base, 'write -P 1 0 3M', 'write -P 2 300M 2M');
    const image = join(both.folder, 'vm.qcow2');
    qemu('qemu-img', 'create', '-q', '-f', 'qcow2', '-b', 'base.qcow2', '-F', 'qcow2', image);
    write(image, 'write -P 3 1M 64k', 'write -z 300M 1M', 'write -P 4 599M 1M');
    mkdirSync(join(both.folder, 'aa'));
    writeFileSync(join(both.folder, 'aa', 'file'), 'before');
    mkdirSync(join(both.folder, 'zz'));
    writeFileSync(join(both.folder, 'zz', 'file'), 'after');
    const sources = ['zz', 'vm.qcow2', 'aa'].map((name) => join(both.folder, name));

    const first = await both.backup(sources, mode);
    t.same(first.warned, []);
    t.ok(first.progress.bytesRead <= 6 * MIB, `read ${first.progress.bytesRead} bytes`);
    const restored = join(both.folder, 'restored');
    t.same((await both.restore(first.pointId, mode, restored)).warned, []);
    t.same(readdirSync(restored).sort(), ['aa', 'vm.raw', 'zz']);
    t.ok(isSame('qcow2', image, join(restored, 'vm.raw')));

    write(image, 'write -P 5 10M 1M');
    const second = await both.backup(sources, mode);
    t.ok(second.progress.bytesNew < 2 * MIB, `${second.progress.bytesNew} bytes new`);
    const again = join(both.folder, 'again');
    await both.restore(second.pointId, mode, again);
    t.ok(isSame('qcow2', image, join(again, 'vm.raw')));
    t.same(leftBehind(), []);
  });
}

for (const format of ['vmdk', 'vhdx']) {
  t.test(`a ${format} image comes back as its disk`, async (t) => {
    await using both = await pair();
    const raw = join(both.folder, 'content.raw');
    qemu('qemu-img', 'create', '-q', '-f', 'raw', raw, '40M');
    qemu('qemu-io', '-f', 'raw', '-c', 'write -P 6 5M 3M', '-c', 'write -P 7 39M 1M', raw);
    const image = join(both.folder, `vm.${format}`);
    qemu('qemu-img', 'convert', '-f', 'raw', '-O', format, raw, image);
    const { pointId, warned, progress } = await both.backup([image], 'in-flight');
    t.same(warned, []);
    t.ok(progress.bytesNew < 10 * MIB, `${progress.bytesNew} bytes sent`);
    // Where zeros are in a vhdx image qemu-nbd does not tell, so they are read.
    if (format === 'vmdk') t.ok(progress.bytesRead < 10 * MIB, `read ${progress.bytesRead} bytes`);
    const restored = join(both.folder, 'restored');
    await both.restore(pointId, 'in-flight', restored);
    t.ok(isSame('raw', raw, join(restored, 'vm.raw')));
  });
}

t.test('an image that cannot be opened ends the run with the reason, and leaves nothing running', async (t) => {
  await using both = await pair();
  const sound = join(both.folder, 'sound.qcow2');
  qemu('qemu-img', 'create', '-q', '-f', 'qcow2', sound, '1M');
  const broken = join(both.folder, 'broken.qcow2');
  writeFileSync(broken, 'this is no qcow2 image');
  await t.rejects(both.backup([sound, broken], 'in-flight'), {
    code: 'image-unreadable',
    message: /not in qcow2 format/,
  });
  const orphan = join(both.folder, 'orphan.qcow2');
  qemu('qemu-img', 'create', '-q', '-f', 'qcow2', '-b', sound, '-F', 'qcow2', orphan);
  rmSync(sound);
  await t.rejects(both.backup([orphan], 'in-flight'), { code: 'image-unreadable', message: /sound\.qcow2/ });
  t.same(leftBehind(), []);
});

t.test('an image that is cut off while it is read ends the run by name, and a raw one is told', async (t) => {
  await using both = await pair();
  const image = join(both.folder, 'vm.qcow2');
  qemu('qemu-img', 'create', '-q', '-f', 'qcow2', image, '100M');
  write(image, 'write -P 1 0 40M');
  const raw = join(both.folder, 'vm.raw');
  qemu('qemu-img', 'convert', '-f', 'qcow2', '-O', 'raw', image, raw);
  // The first question to the target comes when something was read, and before the end.
  const cutting = (path: string) =>
    pretending(both.repository, {
      lookup: (zone, id) => {
        truncateSync(path, 10 * MIB);
        return both.repository.lookup(zone, id);
      },
    });
  both.served = cutting(image);
  await t.rejects(both.backup([image], 'in-flight'), { code: 'image-shrunk', message: /after it was read/ });
  t.same(leftBehind(), []);
  both.served = cutting(raw);
  const { warned } = await both.backup([raw], 'in-flight');
  t.match(warned, [{ path: Buffer.from(raw), code: 'changed', message: /became shorter/ }]);
});
