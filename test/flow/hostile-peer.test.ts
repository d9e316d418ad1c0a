import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { connect as connectPlain, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import t from 'tap';
import { Site } from './site.ts';

t.jobs = 1;

const MIB = 1024 * 1024;
const folder = await mkdtemp(join(tmpdir(), 'sealift-hostile-'));
const site = await Site.open(folder);
const tree = join(folder, 'tree');
const { port } = site.gate;
const admitted = { ...(await identityOf('source')), host: '127.0.0.1', port, checkServerIdentity: () => undefined };

t.before(async () => {
  await mkdir(tree);
  await writeFile(join(tree, 'film'), randomBytes(32 * MIB));
  const source = { transporter: 'source', paths: [tree] };
  await site.client.call('createJob', {
    body: { name: 'films', source, repository: 'store', encryption: 'in-flight' },
  });
});
t.teardown(async () => {
  await site[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

/** Certificate and key of an enrolled Transporter, as a thief of its data folder has them. */
async function identityOf(name: string) {
  const data = join(folder, name);
  for (const file of await readdir(data)) {
    if (!file.endsWith('.json')) continue;
    const { certificate: cert, authority: ca, key } = JSON.parse(await readFile(join(data, file), 'utf8'));
    if (cert !== undefined) return { cert, ca, key: await readFile(join(data, 'keys', key)) };
  }
  throw new Error(`${name} has no identity`);
}

/** Resolves when the far side has ended the connection. */
async function ended(socket: Socket): Promise<void> {
  socket.on('error', () => {});
  socket.resume();
  if (!socket.closed) await new Promise((resolve) => socket.once('close', resolve));
}

/** A WebSocket connection at the data port, past TLS and upgrade but before the in-flight handshake. */
async function upgraded(): Promise<TLSSocket> {
  const socket = connectTls(admitted);
  await once(socket, 'secureConnect');
  const headers = ['Host: target', 'Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13'];
  const key = `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}`;
  socket.write(['GET / HTTP/1.1', ...headers, key, 'Sec-WebSocket-Protocol: sealift-data.v1', '', ''].join('\r\n'));
  const [answer] = await once(socket, 'data');
  if (!String(answer).startsWith('HTTP/1.1 101')) throw new Error(String(answer));
  return socket;
}

/** A masked binary frame, RFC 6455 section 5.2, that claims to be this long; the mask is zero. */
function frame(payload: Buffer, claimed = payload.length): Buffer {
  const header = Buffer.alloc(14);
  header[0] = 0x82;
  header[1] = 0x80 | 127;
  header.writeBigUInt64BE(BigInt(claimed), 2);
  return Buffer.concat([header, payload]);
}

t.test('while hostile peers try everything, a backup goes on undisturbed', async (t) => {
  const { id } = await site.client.call('startRun', { params: { id: 'films' } });

  const garbage = connectPlain(port, '127.0.0.1');
  garbage.write(randomBytes(MIB));
  await ended(garbage);
  t.pass('garbage instead of TLS ends the connection');

  const stranger = connectTls({ ...admitted, cert: undefined, key: undefined });
  stranger.write('GET / HTTP/1.1\r\nHost: target\r\n\r\n');
  let answer = '';
  stranger.on('data', (bytes) => {
    answer += bytes;
  });
  await ended(stranger);
  t.equal(answer, '', 'without a certificate nothing is answered');

  const http = connectTls(admitted);
  http.write(`GET /${'x'.repeat(64 * 1024)} HTTP/1.1\r\n\r\n`);
  await ended(http);
  t.pass('an endless HTTP header ends the connection');

  for (const [what, bytes] of [
    ['a text of control bytes', Buffer.from([0x81, 0x80, 0, 0, 0, 0])],
    ['an unmasked frame', Buffer.from([0x82, 1, 0])],
    ['reserved bits', Buffer.from([0xf2, 0x80, 0, 0, 0, 0])],
    ['a malformed handshake', frame(randomBytes(2000))],
    ['an empty message', frame(Buffer.alloc(0))],
    ['a handshake of a megabyte', frame(randomBytes(MIB))],
    ['a message of a tebibyte', frame(randomBytes(1000), 2 ** 40)],
  ] as const) {
    const socket = await upgraded();
    socket.write(bytes);
    await ended(socket);
    t.pass(`${what} ends the connection`);
  }

  t.match(await site.ended(id), { state: 'done', progress: { reconnects: 0 } });
});

t.test('the target goes on serving afterwards', async (t) => {
  const { id } = await site.client.call('startRun', { params: { id: 'films' } });
  const { state, point } = await site.ended(id);
  t.equal(state, 'done');
  const destination = join(folder, 'restored');
  const body = { transporter: 'source', path: destination };
  const restore = await site.client.call('restorePoint', { params: { id: point as string }, body });
  t.equal((await site.ended(restore.id)).state, 'done');
  t.ok((await readFile(join(destination, 'tree', 'film'))).equals(await readFile(join(tree, 'film'))));
});
