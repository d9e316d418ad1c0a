import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { BASE_ALLOCATION, type DiskPiece, NbdClient, NbdServer, nbdUri, type ReadableDisk } from '@sealift/workloads';
import t from 'tap';
import { run, runBeside } from './fixtures/programs.ts';
import { temporaryFolder } from './fixtures/trees.ts';

const MIB = 1 << 20;

/** A disk in memory that is data in every odd MiB, zeros elsewhere. */
class StripedDisk implements ReadableDisk {
  readonly name: string;
  readonly description = 'stripes';
  readonly size: number;
  readonly content: Buffer;

  constructor(name: string, size: number) {
    this.name = name;
    this.size = size;
    this.content = Buffer.alloc(size);
    for (let at = MIB; at < size; at += 2 * MIB) randomBytes(Math.min(MIB, size - at)).copy(this.content, at);
  }

  async *read(offset: number, length: number): AsyncGenerator<DiskPiece> {
    for (let at = offset; at < offset + length; ) {
      const piece = Math.min(MIB - (at % MIB), offset + length - at);
      yield this.#hole(at) ? { length: piece } : { length: piece, data: this.content.subarray(at, at + piece) };
      at += piece;
    }
  }

  async allocation(offset: number, length: number) {
    return [{ length: Math.min(length, MIB - (offset % MIB)), hole: this.#hole(offset) }];
  }

  #hole(at: number): boolean {
    return Math.floor(at / MIB) % 2 === 0;
  }
}

/** Cannot be read where it has data. */
class BrokenDisk extends StripedDisk {
  override async *read(offset: number, length: number): AsyncGenerator<DiskPiece> {
    if (offset >= MIB) throw new Error('the medium is gone');
    yield { length };
  }
}

type Test = Parameters<typeof temporaryFolder>[0];

function socketPath(t: Test): string {
  return join(temporaryFolder(t), 'nbd.sock');
}

t.test('nbdinfo, nbdcopy and qemu-img read what is served', async (t) => {
  const path = socketPath(t);
  const disk = new StripedDisk('vda', 5 * MIB + 4096);
  const failures: unknown[] = [];
  await using server = await NbdServer.listen({
    disks: [disk],
    listen: { path },
    onFailure: (thrown) => failures.push(thrown),
  });
  t.equal(statSync(path).mode & 0o777, 0o600);
  const uri = nbdUri(server.address, 'vda');
  const raw = join(temporaryFolder(t), 'copy.raw');
  writeFileSync(raw, disk.content);
  const info = await runBeside('nbdinfo', '--json', uri);
  t.match(JSON.parse(info.output), {
    exports: [{ 'export-size': disk.size, is_read_only: true }],
  });
  t.match(JSON.parse((await runBeside('nbdinfo', '--map', '--json', uri)).output), [
    { offset: 0, length: MIB, type: 3 },
    { offset: MIB, length: MIB, type: 0 },
    { offset: 2 * MIB, length: MIB, type: 3 },
    { offset: 3 * MIB, length: MIB, type: 0 },
    { offset: 4 * MIB, length: MIB, type: 3 },
    { offset: 5 * MIB, length: 4096, type: 0 },
  ]);
  const copy = join(temporaryFolder(t), 'nbdcopy.raw');
  t.equal((await runBeside('nbdcopy', uri, copy)).status, 0);
  t.ok(readFileSync(copy).equals(disk.content));
  const compared = await runBeside('qemu-img', 'compare', '-f', 'raw', '-F', 'raw', uri, raw);
  t.match(compared.output, /Images are identical/);
  const converted = join(temporaryFolder(t), 'converted.qcow2');
  t.equal((await runBeside('qemu-img', 'convert', '-f', 'raw', '-O', 'qcow2', uri, converted)).status, 0);
  t.match((await runBeside('qemu-img', 'compare', '-f', 'qcow2', '-F', 'raw', converted, raw)).output, /identical/);
  t.match((await runBeside('qemu-img', 'map', '--output=json', '-f', 'raw', uri)).output, /"zero": true/);
  t.strictSame(failures, []);
});

t.test('several disks are listed, and only the names that there are can be opened', async (t) => {
  const path = socketPath(t);
  const disks = [new StripedDisk('web/disk 0', 2 * MIB), new StripedDisk('web/disk 1', 3 * MIB)];
  await using server = await NbdServer.listen({ disks, listen: { path } });
  const listed = JSON.parse((await runBeside('nbdinfo', '--list', '--json', nbdUri(server.address))).output);
  t.match(listed, {
    exports: [
      { 'export-name': 'web/disk 0', description: 'stripes' },
      { 'export-name': 'web/disk 1', 'export-size': 3 * MIB },
    ],
  });
  await t.rejects(NbdClient.connect(server.address, { exportName: 'web' }), { code: 'nbd-refused' });
  await t.rejects(NbdClient.connect(server.address), { code: 'nbd-refused' });
  await using client = await NbdClient.connect(server.address, {
    exportName: 'web/disk 1',
    contexts: [BASE_ALLOCATION],
  });
  const content = Buffer.alloc(client.size);
  await client.read(0, content);
  t.ok(content.equals(disks[1]?.content ?? Buffer.alloc(0)));
  await t.rejects(client.write(0, Buffer.alloc(70_000)), { code: 'nbd-error' });
  await t.rejects(client.writeZeroes(0, 4096), { code: 'nbd-error' });
  await client.read(MIB, content.subarray(0, MIB));
});

t.test('over TCP; what cannot be read is an error of the request, not of the connection', async (t) => {
  const failures: Error[] = [];
  await using server = await NbdServer.listen({
    disks: [new BrokenDisk('vda', 4 * MIB)],
    listen: { host: '127.0.0.1', port: 0 },
    onFailure: (thrown) => failures.push(thrown as Error),
  });
  await using client = await NbdClient.connect(server.address);
  await t.rejects(client.read(MIB, Buffer.alloc(10)), { code: 'nbd-error', message: /the medium is gone/ });
  await client.read(0, Buffer.alloc(10));
  t.match(failures, [{ message: 'the medium is gone' }]);
});

t.test('a socket left behind is replaced, one in use is not; nothing is left at the end', async (t) => {
  const path = socketPath(t);
  const listen = { disks: [new StripedDisk('vda', MIB)], listen: { path } };
  {
    await using server = await NbdServer.listen(listen);
    await t.rejects(NbdServer.listen(listen), { code: 'port-in-use' });
    const client = await NbdClient.connect(server.address);
    t.equal(server.clients, 1);
    t.teardown(() => client[Symbol.asyncDispose]());
  }
  t.notOk(existsSync(path));
  const script = `require('net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`;
  await runBeside(process.execPath, '-e', script);
  t.ok(existsSync(path));
  await using server = await NbdServer.listen(listen);
  await using client = await NbdClient.connect(server.address);
  t.equal(client.size, MIB);
  writeFileSync(join(path, '..', 'file'), 'kept');
  await t.rejects(NbdServer.listen({ ...listen, listen: { path: join(path, '..', 'file') } }), { code: 'port-in-use' });
});

/** Sends bytes after the greeting was answered; resolves when the server hangs up. */
function hungUp(path: string, bytes: Buffer): Promise<number> {
  return new Promise((resolve, reject) => {
    let received = 0;
    const socket = connect({ path }, () => socket.write(bytes));
    socket.on('data', (data) => {
      received += data.length;
    });
    socket.on('error', reject);
    socket.on('close', () => resolve(received));
  });
}

function option(number: number, data: Buffer, length = data.length): Buffer {
  const header = Buffer.alloc(16);
  header.write('IHAVEOPT', 'latin1');
  header.writeUInt32BE(number, 8);
  header.writeUInt32BE(length, 12);
  return Buffer.concat([header, data]);
}

const FLAGS = Buffer.from([0, 0, 0, 3]);
const GO = option(7, Buffer.from([0, 0, 0, 0, 0, 0]));

t.test('clients that break the protocol are hung up on, and the others do not notice', async (t) => {
  const path = socketPath(t);
  const failures: Error[] = [];
  const disk = new StripedDisk('vda', 2 * MIB);
  await using server = await NbdServer.listen({
    disks: [disk],
    listen: { path },
    onFailure: (thrown) => failures.push(thrown as Error),
  });
  await using client = await NbdClient.connect(server.address);
  const floods = [
    Buffer.alloc(4, 0xff),
    Buffer.concat([FLAGS, Buffer.alloc(64, 0x41)]),
    Buffer.concat([FLAGS, option(7, Buffer.alloc(0), 0xffffffff)]),
    Buffer.concat([FLAGS, ...Array.from({ length: 1200 }, () => option(99, Buffer.alloc(0)))]),
    Buffer.concat([FLAGS, GO, Buffer.alloc(28, 0x42)]),
    Buffer.concat([FLAGS, option(1, Buffer.from('no such disk'))]),
  ];
  for (const flood of floods) await hungUp(path, flood);
  t.equal(failures.length, floods.length);
  t.ok(failures.every((failure) => (failure as { code?: string }).code === 'nbd-violation'));
  // Wrong lengths inside an option are answered, not followed.
  for (const number of [6, 7, 9, 10]) {
    const lies = option(number, Buffer.concat([Buffer.from([0xff, 0xff, 0xff, 0xff]), Buffer.alloc(20)]));
    t.ok((await hungUp(path, Buffer.concat([FLAGS, lies, option(2, Buffer.alloc(0))]))) > 18);
  }
  const content = Buffer.alloc(client.size);
  await client.read(0, content);
  t.ok(content.equals(disk.content));
});

/** Certificates of two authorities, as libnbd wants them in a folder. */
function certificates(folder: string): { own: string; foreign: string } {
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'];
  for (const authority of ['own', 'foreign']) {
    const at = join(folder, authority);
    mkdirSync(at);
    const ca = ['-CA', join(at, 'ca-cert.pem'), '-CAkey', join(at, 'ca-key.pem')];
    const names = (name: string) => [
      '-keyout',
      join(at, `${name}-key.pem`),
      '-out',
      join(at, `${name}-cert.pem`),
      '-subj',
      `/CN=${name}`,
    ];
    run('openssl', 'req', '-x509', ...key, ...names('ca'));
    run('openssl', 'req', '-x509', ...key, ...names('server'), ...ca, '-addext', 'subjectAltName=IP:127.0.0.1');
    run('openssl', 'req', '-x509', ...key, ...names('client'), ...ca);
  }
  return { own: join(folder, 'own'), foreign: join(folder, 'foreign') };
}

t.test('with TLS, only clients with a certificate of the authority get to see anything', async (t) => {
  const { own, foreign } = certificates(temporaryFolder(t));
  const disk = new StripedDisk('vda', 3 * MIB);
  const pem = (name: string) => readFileSync(join(own, `${name}.pem`));
  await using server = await NbdServer.listen({
    disks: [disk],
    listen: { host: '127.0.0.1', port: 0 },
    tls: { ca: pem('ca-cert'), cert: pem('server-cert'), key: pem('server-key') },
  });
  const secure = (folder: string) =>
    `${nbdUri(server.address, 'vda').replace('nbd:', 'nbds:')}?tls-certificates=${folder}`;
  const copy = join(temporaryFolder(t), 'copy.raw');
  t.match(await runBeside('nbdcopy', secure(own), copy), { status: 0 });
  t.ok(readFileSync(copy).equals(disk.content));
  t.match(await runBeside('nbdcopy', secure(foreign), `${copy}.foreign`), { status: 1 });
  t.match(await runBeside('nbdinfo', nbdUri(server.address, 'vda')), { status: 1 });
  await t.rejects(NbdClient.connect(server.address), { code: 'nbd-refused', message: /it wants TLS/ });
});
