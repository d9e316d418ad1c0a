import { randomBytes } from 'node:crypto';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { ALLOCATION, BASE_ALLOCATION, DIRTY, type NbdAddress, NbdClient } from '@sealift/workloads';
import t from 'tap';
import { run, start } from './fixtures/programs.ts';
import { temporaryFolder } from './fixtures/trees.ts';

const MIB = 1 << 20;

type Test = Parameters<typeof start>[0];

async function qemuNbd(t: Test, image: string, ...options: string[]): Promise<NbdAddress> {
  const path = join(temporaryFolder(t), 'nbd.sock');
  await start(t, path, 'qemu-nbd', '-t', '-e', '4', '-k', path, ...options, image);
  return { path };
}

/** 8 MiB of qcow2: data at 1 MiB and at 5 MiB, nothing else. */
function image(t: Test, ...commands: string[]): string {
  const path = join(temporaryFolder(t), 'disk.qcow2');
  run('qemu-img', 'create', '-q', '-f', 'qcow2', path, '8M');
  for (const command of commands) run('qemu-io', '-f', 'qcow2', '-c', command, path);
  return path;
}

async function allocated(client: NbdClient, context: string, flag: number): Promise<[number, number][]> {
  const found: [number, number][] = [];
  for await (const { offset, length, flags } of client.extents(context, 0, client.size)) {
    if ((flags & flag) !== 0) found.push([offset, length]);
  }
  return found;
}

t.test('what qemu-nbd serves is read with its holes', async (t) => {
  const address = await qemuNbd(t, image(t, 'write -P 7 1M 1M', 'write -P 9 5M 64k'), '-r', '-f', 'qcow2');
  await using client = await NbdClient.connect(address, { contexts: [BASE_ALLOCATION] });
  t.equal(client.size, 8 * MIB);
  const content = Buffer.alloc(8 * MIB, 0xff);
  await client.read(0, content);
  const expected = Buffer.alloc(8 * MIB);
  expected.fill(7, MIB, 2 * MIB).fill(9, 5 * MIB, 5 * MIB + 65_536);
  t.ok(content.equals(expected));
  t.strictSame(await allocated(client, BASE_ALLOCATION, ALLOCATION.hole), [
    [0, MIB],
    [2 * MIB, 3 * MIB],
    [5 * MIB + 65_536, 3 * MIB - 65_536],
  ]);
  await t.rejects(client.read(8 * MIB - 1, Buffer.alloc(2)), { code: 'nbd-error' });
  await t.rejects(client.write(0, Buffer.alloc(512)), { code: 'nbd-error' });
});

t.test('dirty bitmaps tell what was written since', async (t) => {
  const path = image(t, 'write -P 7 1M 1M');
  run('qemu-img', 'bitmap', '-f', 'qcow2', '--add', '-g', '65536', path, 'since');
  run('qemu-io', '-f', 'qcow2', '-c', 'write -P 8 3M 128k', path);
  const address = await qemuNbd(t, path, '-r', '-f', 'qcow2', '-B', 'since');
  const context = 'qemu:dirty-bitmap:since';
  await using client = await NbdClient.connect(address, { contexts: [context, 'qemu:dirty-bitmap:other'] });
  t.ok(client.has(context));
  t.notOk(client.has('qemu:dirty-bitmap:other'));
  t.strictSame(await allocated(client, context, DIRTY), [[3 * MIB, 131_072]]);
});

t.test('what is written, zeroed and trimmed arrives in the image', async (t) => {
  const path = image(t);
  const content = randomBytes(4 * MIB + 12_288);
  {
    const address = await qemuNbd(t, path, '-f', 'qcow2', '--discard=unmap');
    await using client = await NbdClient.connect(address, { contexts: [BASE_ALLOCATION] });
    await client.write(MIB, content);
    await client.writeZeroes(2 * MIB, MIB);
    await client.trim(4 * MIB, MIB);
    await client.flush();
    const back = Buffer.alloc(content.length);
    await client.read(MIB, back);
    content.fill(0, MIB, 2 * MIB).fill(0, 3 * MIB, 4 * MIB);
    t.ok(back.equals(content));
  }
  const map = JSON.parse(run('qemu-img', 'map', '-U', '--output=json', path)) as { zero: boolean; start: number }[];
  t.ok(map.some(({ start, zero }) => zero && start === 2 * MIB));
});

t.test('a server over TCP, many readers at once on one connection', async (t) => {
  const path = image(t, 'write -P 3 0 8M');
  const socket = await new Promise<number>((resolve) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as AddressInfo;
      probe.close(() => resolve(port));
    });
  });
  const pid = join(temporaryFolder(t), 'pid');
  await start(
    t,
    pid,
    'qemu-nbd',
    '-t',
    '-r',
    '-f',
    'qcow2',
    '-b',
    '127.0.0.1',
    '-p',
    `${socket}`,
    '--pid-file',
    pid,
    path,
  );
  await using client = await NbdClient.connect({ host: '127.0.0.1', port: socket });
  const pieces = await Promise.all(
    Array.from({ length: 200 }, async (_, i) => {
      const piece = Buffer.alloc(100_000);
      await client.read((i * 37_123) % (7 * MIB), piece);
      return piece.every((byte) => byte === 3);
    }),
  );
  t.ok(pieces.every((same) => same));
});

t.test('an export that is not there is refused by name, a socket nobody listens at is unreachable', async (t) => {
  const address = await qemuNbd(t, image(t), '-r', '-f', 'qcow2', '-x', 'vda');
  await t.rejects(NbdClient.connect(address, { exportName: 'vdb' }), { code: 'nbd-refused' });
  await using client = await NbdClient.connect(address, { exportName: 'vda' });
  t.equal(client.size, 8 * MIB);
  await t.rejects(NbdClient.connect({ path: join(temporaryFolder(t), 'none') }), { code: 'nbd-unreachable' });
});

/** A server that says what the test makes it say: `negotiate` as far as transmission, then whatever. */
async function lyingServer(t: Test, answer: (request: Buffer, socket: Socket) => void): Promise<NbdAddress> {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    negotiate(socket, (request) => answer(request, socket));
  });
  t.teardown(() => {
    server.close();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { host: '127.0.0.1', port: (server.address() as AddressInfo).port };
}

type Step = 'flags' | 'option' | 'request';

function negotiate(socket: Socket, answer: (request: Buffer) => void): void {
  socket.write(Buffer.concat([Buffer.from('NBDMAGICIHAVEOPT'), Buffer.from([0, 3])]));
  let left: Buffer = Buffer.alloc(0);
  let step: Step = 'flags';
  socket.on('data', (data) => {
    left = Buffer.concat([left, data as Buffer]);
    for (let length = lengthOf(step, left); left.length >= length; length = lengthOf(step, left)) {
      const message = left.subarray(0, length);
      left = left.subarray(length);
      if (step === 'request') answer(message);
      else step = step === 'option' && reply(socket, message) ? 'request' : 'option';
    }
  });
}

/** Of the message that comes next. */
function lengthOf(step: Step, begun: Buffer): number {
  if (step === 'flags') return 4;
  if (step === 'request') return 28;
  return begun.length < 16 ? 16 : 16 + begun.readUInt32BE(12);
}

/** @returns whether transmission begins */
function reply(socket: Socket, option: Buffer): boolean {
  const number = option.readUInt32BE(8);
  const say = (type: number, data: Buffer) => {
    const header = Buffer.alloc(20);
    header.writeBigUInt64BE(0x0003e889045565a9n, 0);
    header.writeUInt32BE(number, 8);
    header.writeUInt32BE(type, 12);
    header.writeUInt32BE(data.length, 16);
    socket.write(Buffer.concat([header, data]));
  };
  const size = Buffer.alloc(12);
  size.writeBigUInt64BE(BigInt(MIB), 2);
  size.writeUInt16BE(3, 10);
  if (number === 10) say(4, Buffer.concat([Buffer.from([0, 0, 0, 5]), Buffer.from(BASE_ALLOCATION)]));
  if (number === 7) say(3, size);
  say(1, Buffer.alloc(0));
  return number === 7;
}

function chunk(request: Buffer, type: number, flags: number, ...payload: (Buffer | number)[]): Buffer {
  const body = Buffer.concat(
    payload.map((part) => {
      if (typeof part !== 'number') return part;
      const bytes = Buffer.alloc(8);
      bytes.writeBigUInt64BE(BigInt(part));
      return bytes;
    }),
  );
  const header = Buffer.alloc(20);
  header.writeUInt32BE(0x668e33ef, 0);
  header.writeUInt16BE(flags, 4);
  header.writeUInt16BE(type, 6);
  request.copy(header, 8, 8, 16);
  header.writeUInt32BE(body.length, 16);
  return Buffer.concat([header, body]);
}

const LIES: Record<string, (request: Buffer) => Buffer> = {
  'bytes beyond what was read': (request) => chunk(request, 1, 1, 4000, Buffer.alloc(4096)),
  'bytes before what was read': (request) => chunk(request, 1, 1, 2 ** 53, Buffer.alloc(16)),
  'less than what was read': (request) => chunk(request, 1, 1, 0, Buffer.alloc(4095)),
  'the same bytes twice': (request) =>
    Buffer.concat([chunk(request, 1, 0, 0, Buffer.alloc(2048)), chunk(request, 1, 1, 1000, Buffer.alloc(2048))]),
  'an answer to nobody': (request) => chunk(Buffer.alloc(28, 0xee), 1, 1, 0, Buffer.alloc(4096), request),
  'a chunk of an unknown type': (request) => chunk(request, 77, 1),
  'a hole of no length': (request) => chunk(request, 2, 1, 0, Buffer.alloc(4)),
  'an endless error message': (request) => {
    const lie = chunk(request, 0x8001, 1);
    lie.writeUInt32BE(0xffffffff, 16);
    return lie;
  },
  'a status nobody asked for': (request) =>
    chunk(request, 5, 1, Buffer.from([0, 0, 0, 5]), Buffer.from([0, 0, 1, 0]), Buffer.alloc(4)),
  'something that is no reply': () => Buffer.alloc(64, 0x41),
};

for (const [lie, tell] of Object.entries(LIES)) {
  t.test(`a server that sends ${lie} is found out`, async (t) => {
    const address = await lyingServer(t, (request, socket) => socket.write(tell(request)));
    await using client = await NbdClient.connect(address, { contexts: [BASE_ALLOCATION] });
    await t.rejects(client.read(0, Buffer.alloc(4096)), { code: 'nbd-violation' });
    await t.rejects(client.read(0, Buffer.alloc(16)), { code: 'nbd-violation' });
  });
}

t.test('a server that goes or falls silent fails what is under way', async (t) => {
  const going = await lyingServer(t, (_, socket) => socket.destroy());
  await using left = await NbdClient.connect(going);
  await t.rejects(Promise.all([left.read(0, Buffer.alloc(16)), left.status(0, 16), left.read(16, Buffer.alloc(16))]), {
    code: 'nbd-closed',
  });
  const silent = await lyingServer(t, () => {});
  await using mute = await NbdClient.connect(silent, { patience: 100 });
  await t.rejects(mute.read(0, Buffer.alloc(16)), { code: 'nbd-closed' });
});

t.test('what is no NBD server is refused, and waiting for one can be given up', async (t) => {
  const server = createServer((socket) => socket.on('error', () => {}).end('HTTP/1.1 400 Bad Request\r\n\r\n'));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    server.close();
  });
  const address = { host: '127.0.0.1', port: (server.address() as AddressInfo).port };
  await t.rejects(NbdClient.connect(address), { code: 'nbd-violation' });
  const mute = createServer((socket) => socket.on('error', () => {}));
  await new Promise<void>((resolve) => mute.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    mute.close();
  });
  const giving = new AbortController();
  const connecting = NbdClient.connect(
    { host: '127.0.0.1', port: (mute.address() as AddressInfo).port },
    {},
    giving.signal,
  );
  giving.abort(new Error('enough'));
  await t.rejects(connecting, /enough/);
});
