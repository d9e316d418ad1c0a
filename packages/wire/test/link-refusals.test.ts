import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect as connectPlain } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { Failure } from '@sealift/core';
import { type Identity, type MessageChannel, sourceHandshake } from '@sealift/crypto';
import fc from 'fast-check';
import t from 'tap';
import { WebSocket } from 'ws';
import { connectLink, DATA_SUBPROTOCOL, type Link, type ListenOptions } from '../src/index.ts';
import { echo, install } from './installation.ts';

const place = await install();
const elsewhere = await install();
const source = await place.enrol();
const target = await place.enrol();
const never = new AbortController().signal;

/** A target that echoes; `refusals` are the connections that did not become links, `failures` the links that failed. */
async function echoing(more: Partial<ListenOptions> = {}) {
  const refusals: Failure[] = [];
  const failures: Failure[] = [];
  const onLink = (link: Link) => void echo(link).catch((failure) => failures.push(failure));
  const listener = await place.listen(target, onLink, { onRefused: (failure) => refusals.push(failure), ...more });
  return { listener, refusals, failures };
}

function dial(port: number, identity: Identity = source, more: object = {}): Promise<Link> {
  const ticket = place.ticket(identity, target);
  return connectLink({ url: `wss://127.0.0.1:${port}`, identity, ticket, expectPeer: target.id, ...more }, never);
}

async function works(link: Link): Promise<boolean> {
  const bytes = randomBytes(1000);
  await link.send(3, [bytes]);
  for await (const { payload } of link.messages()) return payload.equals(bytes);
  return false;
}

function tlsOf(identity: Identity) {
  return {
    key: identity.privateKey.export({ type: 'pkcs8', format: 'pem' }),
    cert: identity.certificate,
    ca: identity.authority,
    minVersion: 'TLSv1.3' as const,
  };
}

/** A client that has the right certificate and keeps to no other rule. */
async function hostile(port: number, subprotocol: string = DATA_SUBPROTOCOL): Promise<WebSocket> {
  const trusting = { ...tlsOf(source), checkServerIdentity: (() => undefined) as never };
  const socket = new WebSocket(`wss://127.0.0.1:${port}`, subprotocol, trusting);
  socket.on('error', () => {});
  await once(socket, 'open');
  return socket;
}

async function hostileAfterHandshake(port: number): Promise<WebSocket> {
  const socket = await hostile(port);
  const arrived: Buffer[] = [];
  let wake = () => {};
  socket.on('message', (data: Buffer) => {
    arrived.push(data);
    wake();
  });
  const channel: MessageChannel = {
    send: async (message) => socket.send(message),
    receive: async () => {
      while (arrived.length === 0) await new Promise<void>((resolve) => (wake = resolve));
      return arrived.shift() as Buffer;
    },
  };
  await sourceHandshake(channel, { identity: source, ticket: place.ticket(source, target) });
  return socket;
}

t.test('another Transporter than the one asked for is refused', async (t) => {
  await using listener = (await echoing()).listener;
  await t.rejects(dial(listener.port, source, { expectPeer: source.id }), { code: 'wrong-peer', kind: 'refused' });
});

t.test('a Transporter of another authority is refused, whichever side it is', async (t) => {
  await using listener = (await echoing()).listener;
  const stranger = await elsewhere.enrol();
  await t.rejects(dial(listener.port, stranger), { kind: 'refused', code: 'certificate-refused' });
  await t.rejects(dial(listener.port, { ...stranger, authority: place.authority }), {
    kind: 'refused',
    code: 'certificate-untrusted',
  });

  const socket = connectTls({ ...tlsOf(stranger), port: listener.port, rejectUnauthorized: false });
  socket.on('error', () => {});
  socket.end('GET / HTTP/1.1\r\n\r\n');
  let answer = '';
  socket.on('data', (data) => (answer += data));
  await once(socket, 'close');
  t.equal(answer, '', 'it is not answered at all');
  const link = await dial(listener.port);
  t.ok(await works(link), 'others go on');
  await link[Symbol.asyncDispose]();
});

t.test('an expired certificate is refused', async (t) => {
  await using listener = (await echoing()).listener;
  const expired = await place.enrol(-1);
  await t.rejects(dial(listener.port, expired), { kind: 'refused', code: 'certificate-expired' });
});

t.test('a ticket that is used, revoked or not ours is refused, and the source is told', async (t) => {
  const used = new Failure('ticket-used', 'refused', 'The ticket was used before.');
  const busy = new Failure('target-busy', 'retry', 'Too many sessions.');
  const causes = [used, busy];
  const useTicket = () => {
    throw causes.shift();
  };
  const { listener, refusals } = await echoing({ useTicket });
  const attempt = async () => works(await dial(listener.port));
  await t.rejects(attempt(), { code: 'ticket-used', kind: 'refused', message: /used before/ });
  await t.rejects(attempt(), { code: 'target-busy', kind: 'retry' });
  const foreign = { ticket: elsewhere.ticket(source, target) };
  await t.rejects(dial(listener.port, source, foreign), { code: 'ticket-invalid', kind: 'refused' });
  t.match(refusals, [{ code: 'ticket-used' }, { code: 'target-busy' }, { code: 'ticket-invalid' }]);
  await listener.close();
});

t.test('a target of another protocol version is told apart from one that is away', async (t) => {
  const { listener } = await echoing();
  const socket = new WebSocket(`wss://127.0.0.1:${listener.port}`, 'sealift-data.v9', {
    ...tlsOf(source),
    checkServerIdentity: (() => undefined) as never,
  });
  const [, response] = await once(socket, 'unexpected-response');
  t.equal(response.statusCode, 426);
  t.equal(response.headers['sec-websocket-protocol'], DATA_SUBPROTOCOL);
  response.destroy();
  const port = listener.port;
  await listener.close();
  await t.rejects(dial(port), { code: 'unreachable', kind: 'retry' });
});

t.test('an address without TLS is not dialled', async (t) => {
  const ticket = place.ticket(source, target);
  for (const url of ['ws://127.0.0.1:1', 'https://127.0.0.1:1', 'nonsense']) {
    const refused = { code: 'address-invalid', kind: 'refused' };
    await t.rejects(connectLink({ url, identity: source, ticket }, never), refused, url);
  }
});

t.test('what answers without TLS is refused', async (t) => {
  const { createServer } = await import('node:http');
  const server = createServer((_request, response) => response.end('hello'));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  await t.rejects(dial(port), { code: 'protocol-violation', kind: 'refused' });
  server.closeAllConnections();
  server.close();
});

t.test('giving up ends the attempt', async (t) => {
  const { listener } = await echoing();
  const gone = AbortSignal.abort(new Error('given up'));
  const ticket = place.ticket(source, target);
  const options = { url: `wss://127.0.0.1:${listener.port}`, identity: source, ticket };
  await t.rejects(connectLink(options, gone), { message: 'given up' });
  const soon = new AbortController();
  const attempt = connectLink(options, soon.signal);
  soon.abort(new Error('given up later'));
  await t.rejects(attempt, { message: 'given up later' });
  await listener.close();
});

t.test('oversized, malformed and text messages end their own link only', async (t) => {
  const { listener, refusals, failures } = await echoing();
  const good = await dial(listener.port);

  const early = await hostile(listener.port);
  early.send(Buffer.alloc(21 * 1024 * 1024));
  const [earlyCode] = await once(early, 'close');
  t.equal(earlyCode, 1009);
  t.match(refusals, [{ code: 'protocol-violation', kind: 'refused' }]);

  const late = await hostileAfterHandshake(listener.port);
  late.send(Buffer.alloc(21 * 1024 * 1024));
  await once(late, 'close');
  const text = await hostileAfterHandshake(listener.port);
  text.send('hello');
  const [textCode, reason] = await once(text, 'close');
  t.equal(textCode, 4000);
  t.match(reason.toString(), /^protocol-violation: .*text/);
  const noise = await hostileAfterHandshake(listener.port);
  noise.send(randomBytes(5000));
  await once(noise, 'close');
  const frames = await hostileAfterHandshake(listener.port);
  (frames as unknown as { _socket: NodeJS.WritableStream })._socket.write(randomBytes(5000).fill(0xff, 0, 1));
  await once(frames, 'close');

  t.match(
    failures.map(({ kind }) => kind),
    ['refused', 'refused', 'corrupt', 'refused'],
  );
  t.ok(await works(good), 'the other link goes on');
  await good[Symbol.asyncDispose]();
  await listener.close();
});

t.test('random bytes at any layer never bring the listener down', async (t) => {
  const { listener } = await echoing();
  const overTcp = async (noise: Buffer[]) => {
    const socket = connectPlain(listener.port, '127.0.0.1');
    socket.on('error', () => {}).end(Buffer.concat(noise));
    socket.resume();
    await once(socket, 'close');
  };
  const overTls = async (noise: Buffer[]) => {
    const socket = connectTls({ ...tlsOf(source), port: listener.port, checkServerIdentity: () => undefined });
    socket.on('error', () => {}).end(Buffer.concat(noise));
    socket.resume();
    await once(socket, 'close');
  };
  const asHandshake = async (noise: Buffer[]) => {
    const socket = await hostile(listener.port);
    for (const message of noise) socket.send(message);
    await once(socket, 'close');
  };
  const asRecords = async (noise: Buffer[]) => {
    const socket = await hostileAfterHandshake(listener.port);
    for (const message of noise) socket.send(message);
    await once(socket, 'close');
  };
  const message = fc.uint8Array({ minLength: 1, maxLength: 2000 }).map((bytes) => Buffer.from(bytes));
  const noise = fc.array(message, { minLength: 1, maxLength: 4 });
  for (const attack of [overTcp, overTls, asHandshake, asRecords]) {
    await fc.assert(fc.asyncProperty(noise, attack), { numRuns: 15 });
  }
  const link = await dial(listener.port);
  t.ok(await works(link));
  await link[Symbol.asyncDispose]();
  await listener.close();
});
