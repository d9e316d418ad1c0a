import { randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { Failure } from '@sealift/core';
import { createAuthority } from '@sealift/crypto';
import fc from 'fast-check';
import { pack } from 'msgpackr';
import t from 'tap';
import { WebSocket } from 'ws';
import { decodeFrame } from '../src/control/frame.ts';
import {
  CONTROL_PATH,
  CONTROL_SUBPROTOCOL,
  type ControlHandlers,
  connectControl,
  controlClient,
  MAX_CONTROL_FRAME,
  tlsRules,
} from '../src/index.ts';
import { type ControlStage, enrolWith, openControl } from './control-stage.ts';

const limit = () => AbortSignal.timeout(15_000);
const taskId = randomUUID();
const TICKET = { ticket: Buffer.from('ticket'), url: 'wss://target:7422', targetId: randomUUID() };
const giveTicket: ControlHandlers = { 'task.ticket': () => TICKET };

async function dial(stage: ControlStage, handlers: ControlHandlers = {}) {
  return await connectControl({ url: stage.url, identity: await stage.enrol(), handlers }, limit());
}

t.test('both sides call each other over one connection, and bytes arrive as they were sent', async (t) => {
  await using stage = await openControl({
    'certificate.renew': ({ request }, { peer }) => ({ certificate: request.toUpperCase(), authority: peer.peer.id }),
    ...giveTicket,
  });
  const identity = await stage.enrol();
  const entry = { path: Buffer.from([0xff, 0x00]), kind: 'file' as const, size: 2 ** 50, mode: 0o644, uid: 1, gid: 2 };
  const handlers: ControlHandlers = {
    'point.entries': ({ path }) => ({ entries: [{ ...entry, path, mtimeNs: '-1' }] }),
  };
  await using near = await connectControl({ url: stage.url, identity, handlers }, limit());
  t.same(await near.call('certificate.renew', { request: 'pem' }), { certificate: 'PEM', authority: identity.id });
  t.same(await near.call('task.ticket', { taskId }), TICKET);
  const far = await stage.peer(0);
  const question = {
    taskId,
    jobId: taskId,
    pointId: taskId,
    repositoryId: taskId,
    mode: 'in-flight' as const,
    limit: 10,
  };
  const { entries } = await far.call('point.entries', { ...question, path: entry.path });
  t.same(entries, [{ ...entry, mtimeNs: '-1' }]);
  t.equal(near.peer.role, 'director');
  t.equal(far.peer.id, identity.id);
});

t.test('answers find their calls, whatever order they come in', async (t) => {
  await using stage = await openControl({
    'certificate.renew': async ({ request }) => {
      await new Promise((resolve) => setTimeout(resolve, 30 - Number(request)));
      return { certificate: request, authority: '' };
    },
  });
  await using peer = await dial(stage);
  const requests = Array.from({ length: 30 }, (_, index) => String(index));
  const answers = await Promise.all(requests.map((request) => peer.call('certificate.renew', { request })));
  t.same(
    answers.map(({ certificate }) => certificate),
    requests,
  );
});

t.test('a failure of the other side arrives with its code, kind and advice', async (t) => {
  await using stage = await openControl({
    'task.ticket': () => {
      throw new Failure('disk-full', 'refused', 'no space on /x', { advice: 'make space' });
    },
  });
  await using peer = await dial(stage);
  const call = peer.call('task.ticket', { taskId });
  await t.rejects(call, { code: 'disk-full', kind: 'refused', message: 'no space on /x', advice: 'make space' });
  await t.rejects(peer.call('task.finished', {} as never), { code: 'method-unknown' });
});

t.test('fields that break a rule are refused before any handler sees them, on both ways', async (t) => {
  let handled = 0;
  await using stage = await openControl({
    'task.ticket': () => {
      handled++;
      return { ...TICKET, ticket: 'text' as never };
    },
  });
  await using peer = await dial(stage);
  for (const params of [{}, { taskId: 'x' }, { taskId, more: 1 }, { taskId: Buffer.from(taskId) }]) {
    await t.rejects(peer.call('task.ticket', params as never), { code: 'protocol-violation' });
  }
  t.equal(handled, 0);
  await t.rejects(peer.call('task.ticket', { taskId }), { code: 'protocol-violation', message: /ticket/ });
  await t.rejects(peer.call('certificate.renew', { request: 'x'.repeat(MAX_CONTROL_FRAME) }), {
    code: 'message-too-large',
  });
  t.equal(handled, 1, 'the connection has survived all that');
});

t.test('random and hostile frames are refused, never anything else', (t) => {
  const refused = (bytes: Buffer) => {
    try {
      decodeFrame(bytes);
    } catch (thrown) {
      t.equal((thrown as Failure).code, 'protocol-violation', bytes.subarray(0, 20).toString('hex'));
    }
  };
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => refused(Buffer.from(bytes))),
    { numRuns: 2000 },
  );
  const hostile = {
    'array of 2^32-1': 'ddffffffff',
    'map of 2^32-1': 'dfffffffff',
    'string beyond the end': 'dbffffffff41',
    'bytes beyond the end': 'c6ffffffff41',
    'extension: record definition': 'd4724093a16101',
    'extension: date': 'd6ff00000000',
    'extension: regular expression': 'c7057892a1612e00',
    'bytes after the value': '80c0',
    nothing: '',
    'reserved type': 'c1',
  };
  for (const [name, hex] of Object.entries(hostile)) {
    t.throws(() => decodeFrame(Buffer.from(hex, 'hex')), { code: 'protocol-violation' }, name);
  }
  t.throws(() => decodeFrame(Buffer.alloc(100_000, 0x91)), { code: 'protocol-violation' }, 'nested without end');
  t.throws(() => decodeFrame(pack({ id: 1, method: 'x', params: {}, result: 1 })), { code: 'protocol-violation' });
  t.end();
});

t.test('a peer that breaks the protocol loses its connection and nobody else does', async (t) => {
  await using stage = await openControl(giveTicket);
  await using honest = await dial(stage);
  const breaches: [string, (socket: WebSocket) => void][] = [
    ['text', (socket) => socket.send('{"id":1}')],
    ['not msgpack', (socket) => socket.send(randomBytes(64).fill(0xc1, 0, 1))],
    ['oversized', (socket) => socket.send(Buffer.alloc(MAX_CONTROL_FRAME + 1))],
    ['an id of zero', (socket) => socket.send(pack({ id: 0, method: 'task.ticket', params: { taskId } }))],
  ];
  for (const [index, [name, breach]] of breaches.entries()) {
    const { privateKey, certificate, authority } = await stage.enrol();
    const key = privateKey.export({ type: 'pkcs8', format: 'pem' });
    const options = { ...tlsRules(), ca: authority, cert: certificate, key, checkServerIdentity: () => undefined };
    const socket = new WebSocket(new URL(CONTROL_PATH, stage.url), CONTROL_SUBPROTOCOL, options as object);
    socket.on('error', () => {});
    await once(socket, 'open');
    const closed = once(socket, 'close');
    breach(socket);
    await closed;
    const failure = await (await stage.peer(index + 1)).closed;
    t.match(
      failure,
      { kind: 'refused', code: name === 'oversized' ? 'message-too-large' : 'protocol-violation' },
      name,
    );
  }
  t.same(await honest.call('task.ticket', { taskId }), TICKET);
});

t.test('calls that wait fail when the connection ends, and later ones at once', async (t) => {
  await using stage = await openControl({ 'task.ticket': (_, { signal }) => once(signal, 'abort') as never });
  await using peer = await dial(stage);
  const waiting = peer.call('task.ticket', { taskId });
  const far = await stage.peer(0);
  far.abort(new Failure('disconnected', 'retry', 'cut'));
  await t.rejects(waiting, { code: 'disconnected', kind: 'retry' });
  t.match(await peer.closed, { code: 'disconnected' });
  t.notOk(peer.open);
  await t.rejects(peer.call('task.ticket', { taskId }), { code: 'disconnected' });
  peer.notify('task.progress', { taskId, progress: PROGRESS });
  t.equal((await far.closed)?.message, 'cut');
});

const PROGRESS = {
  phase: 'reading' as const,
  files: 0,
  bytesRead: 0,
  bytesNew: 0,
  bytesSent: 0,
  bytesStored: 0,
  reconnects: 0,
  warnings: 0,
};

t.test('an aborted call stops waiting and its late answer disturbs nothing', async (t) => {
  const { promise: released, resolve: release } = Promise.withResolvers<void>();
  await using stage = await openControl({
    'task.ticket': async () => {
      await released;
      return TICKET;
    },
    'task.progress': () => ({}),
  });
  await using peer = await dial(stage);
  const stop = new AbortController();
  const call = peer.call('task.ticket', { taskId }, stop.signal);
  stop.abort(new Failure('cancelled', 'refused', 'no longer wanted'));
  await t.rejects(call, { code: 'cancelled' });
  release();
  t.same(await peer.call('task.progress', { taskId, progress: PROGRESS }), {});
  await t.rejects(peer.call('task.ticket', { taskId }, AbortSignal.abort(new Error('before'))), { message: 'before' });
});

t.test('a Transporter cannot pass for a Director, nor a stranger for either', async (t) => {
  {
    const asTransporter = async (authority: ControlStage['authority']) => {
      const { privateKey, certificate } = await enrolWith(authority);
      return { key: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string, certificate };
    };
    await using stage = await openControl({}, { certificate: asTransporter });
    await t.rejects(dial(stage), { code: 'wrong-peer', kind: 'refused' });
  }
  await using stage = await openControl({});
  const stranger = await enrolWith(await createAuthority());
  await t.rejects(connectControl({ url: stage.url, identity: stranger, handlers: {} }, limit()), {
    code: 'certificate-refused',
  });
  const posing = { ...stranger, authority: stage.authority.certificate };
  const attempt = connectControl({ url: stage.url, identity: posing, handlers: {} }, limit()).then(async (peer) => {
    throw (await peer.closed) ?? new Error('closed without a reason');
  });
  await t.rejects(attempt, { name: 'Failure' });
  t.equal(stage.peers.length, 0);
});

t.test('nobody at the address is a failure that may pass', async (t) => {
  const stage = await openControl({});
  await stage[Symbol.asyncDispose]();
  await t.rejects(dial(stage), { code: 'unreachable', kind: 'retry' });
});

t.test('the client connects again by itself and greets each time before anybody gets the connection', async (t) => {
  await using stage = await openControl(giveTicket);
  const identity = await stage.enrol();
  const order: string[] = [];
  await using client = controlClient(
    {
      url: stage.url,
      identity: () => identity,
      handlers: {},
      onConnected: async (peer) => {
        await peer.call('task.ticket', { taskId });
        order.push('greeted');
      },
      onDisconnected: ({ code }) => order.push(code),
    },
    limit(),
  );
  const first = await client.connected(limit());
  order.push('got');
  (await stage.peer(0)).abort(new Failure('disconnected', 'retry', 'cut'));
  await first.closed;
  const second = await client.connected(limit());
  order.push('got again');
  t.not(second, first);
  t.same(order, ['greeted', 'got', 'disconnected', 'greeted', 'got again']);
  await client.close();
  t.equal(client.peer, undefined);
  await t.rejects(client.connected(limit()), 'closed is closed');
});

t.test('a greeting that fails is tried again on a new connection', async (t) => {
  let greetings = 0;
  await using stage = await openControl({});
  const identity = await stage.enrol();
  await using client = controlClient(
    {
      url: stage.url,
      identity: () => identity,
      handlers: {},
      onConnected: () => {
        greetings++;
        if (greetings === 1) throw new Failure('not-yet', 'retry', 'not yet');
      },
    },
    limit(),
  );
  t.ok((await client.connected(limit())).open);
  t.equal(greetings, 2);
});
