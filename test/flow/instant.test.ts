import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import t from 'tap';
import { Site } from './site.ts';
import { Started } from './up-process.ts';

t.jobs = 1;

const MIB = 1024 * 1024;
const PASSWORD = 'a long sentence that nobody would guess';
const folder = await mkdtemp(join(tmpdir(), 'sealift-instant-'));
const site = await Site.open(folder);
t.teardown(async () => {
  await site[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

const raw = join(folder, 'vm.raw');
const image = join(folder, 'vm.qcow2');
const passwordFile = join(folder, 'password');

async function program(name: string, ...args: string[]): Promise<string> {
  return (await promisify(execFile)(name, args)).stdout;
}

async function sealift(...args: string[]): Promise<string> {
  const command = new Started(args, { env: { ...process.env, ...site.environment } });
  const status = await command.end();
  if (status !== 0) throw new Error(`${args.join(' ')}: ${command.stderr}${command.stdout}`);
  return command.stdout;
}

const SAID = 'instant recovery';

/**
 * A disk that a PC boots: it reads its second sector, writes to its third, says over the serial line what it has read,
 * and switches the machine off.
 */
function bootableDisk(): Buffer {
  const disk = Buffer.alloc(64 * MIB);
  const program = [
    'fc31c08ed88ec0', // cld; ds = es = 0
    'b80102bb0080b90200b600cd13', // int 13h, read sector 2 to 0x8000
    'b80103bb007cb90300b600cd13', // int 13h, write 0x7c00 to sector 3
    'be0080b91000baf803aceee2fc', // 16 bytes of 0x8000 to port 0x3f8
    'baf400b000eef4ebfd', // port 0xf4: off
  ];
  disk.write(program.join(''), 'hex');
  disk.writeUInt16LE(0xaa55, 510);
  disk.write(SAID, 512);
  disk.fill(7, 30 * MIB, 32 * MIB);
  return disk;
}

/** Boots a machine whose writes go to an overlay; what it said over its serial line. */
async function boot(address: string): Promise<string> {
  const serial = join(folder, 'serial');
  await rm(serial, { force: true });
  const machine = ['-accel', 'tcg', '-M', 'pc', '-m', '32', '-display', 'none', '-nodefaults', '-no-reboot'];
  const drive = ['-drive', `file=${address},format=raw,if=ide,snapshot=on`];
  const lines = ['-serial', `file:${serial}`, '-device', 'isa-debug-exit,iobase=0xf4,iosize=4'];
  const child = spawn('qemu-system-x86_64', [...machine, ...drive, ...lines], { stdio: 'inherit' });
  const late = setTimeout(() => child.kill('SIGKILL'), 60_000);
  await once(child, 'exit');
  clearTimeout(late);
  return readFileSync(serial, 'latin1');
}

t.before(async () => {
  await writeFile(raw, bootableDisk());
  await program('qemu-img', 'convert', '-f', 'raw', '-O', 'qcow2', raw, image);
  await writeFile(passwordFile, `${PASSWORD}\n`, { mode: 0o600 });
  await site.client.call('createPassword', { body: { name: 'vault', password: PASSWORD } });
  const job = ['--source', `source:${image}`, '--repository', 'store', '--encryption'];
  await sealift('job', 'create', 'plain', ...job, 'in-flight');
  await sealift('job', 'create', 'sealed', ...job, 'source-side', '--password', 'vault');
});

for (const job of ['plain', 'sealed']) {
  t.test(`a machine boots from a recovery point of job ${job} that was not restored`, async (t) => {
    const { point } = JSON.parse(await sealift('job', 'run', job, '--wait', '--json'));
    const socket = join(folder, `${job}.sock`);
    const run = JSON.parse(await sealift('point', 'serve', point, '--at', `source:${socket}`, '--json'));
    t.match(run, { kind: 'restore', state: 'running', restore: { serve: true, path: socket } });
    const address = `nbd+unix:///?socket=${socket}`;
    t.equal(await boot(address), SAID);
    t.match(await program('qemu-img', 'compare', '-f', 'raw', '-F', 'raw', address, raw), /identical/);
    await t.rejects(sealift('point', 'remove', point, '--yes'), /point-in-use/);
    await sealift('run', 'cancel', run.id);
    t.match(await site.ended(run.id), { state: 'cancelled' });
    t.notOk(existsSync(socket));
  });
}

t.test('what is no disk of the point ends the run with the reason', async (t) => {
  const { items } = JSON.parse(await sealift('point', 'list', '--job', 'plain', '--json'));
  const at = `source:${join(folder, 'none.sock')}`;
  const command = new Started(['point', 'serve', items[0].id, '--at', at, '--disk', 'none.raw'], {
    env: { ...process.env, ...site.environment },
  });
  t.equal(await command.end(), 1);
  t.match(command.stderr, /none\.raw.*[\s\S]*not-found/);
});

t.test('a machine boots from a repository alone, with the password', async (t) => {
  const { items } = JSON.parse(await sealift('point', 'list', '--job', 'sealed', '--json'));
  const socket = join(folder, 'alone.sock');
  const where = ['--repository', join(folder, 'store'), '--point', items[0].id, '--password-file', passwordFile];
  const command = new Started(['recover', ...where, '--serve', socket], { env: process.env });
  while (!existsSync(socket) && command.child.exitCode === null) await sleep(50);
  t.equal(await boot(`nbd+unix:///vm.raw?socket=${socket}`), SAID);
  command.child.kill('SIGINT');
  t.equal(await command.end(), 130);
  t.notOk(existsSync(socket));
});
