import { once } from 'node:events';
import { connect as connectTls, createServer } from 'node:tls';
import type { Failure } from '@sealift/core';
import type { Identity } from '@sealift/crypto';
import t from 'tap';
import { WebSocket } from 'ws';
import { connectLink, DATA_SUBPROTOCOL, type Link, type ListenOptions } from '../src/index.ts';
import { echo, install } from './installation.ts';

const place = await install();
const target = await place.enrol();
const [ann, bob] = [await place.enrol(), await place.enrol()];
const limit = () => AbortSignal.timeout(15_000);

/** A target that echoes, its refusals, and how many tickets it took. */
async function listening(more: Partial<ListenOptions>) {
  const refusals: Failure[] = [];
  const taken: string[] = [];
  const listener = await place.listen(target, (link) => void echo(link).catch(() => {}), {
    onRefused: (failure) => refusals.push(failure),
    useTicket: ({ jti }) => void taken.push(jti),
    ...more,
  });
  return { listener, refusals, taken };
}

function dial(port: number, identity: Identity, more: object = {}): Promise<Link> {
  const ticket = place.ticket(identity, target);
  return connectLink({ url: `wss://127.0.0.1:${port}`, identity, ticket, expectPeer: target.id, ...more }, limit());
}

async function works(link: Link): Promise<boolean> {
  await link.send(3, [Buffer.from('still here')]);
  for await (const { payload } of link.messages()) return payload.toString() === 'still here';
  return false;
}

function at(port: number) {
  return { host: '127.0.0.1', port };
}

function tlsOf(identity: Identity, more: object = {}) {
  const key = identity.privateKey.export({ type: 'pkcs8', format: 'pem' });
  const trusting = { checkServerIdentity: (() => undefined) as never };
  return {
    key,
    cert: identity.certificate,
    ca: identity.authority,
    minVersion: 'TLSv1.3' as const,
    ...trusting,
    ...more,
  };
}

/** Goes as far as the upgrade, and then says nothing: a handshake that does not come to its end. */
async function lingering(port: number, identity: Identity): Promise<WebSocket> {
  const socket = new WebSocket(`wss://127.0.0.1:${port}`, DATA_SUBPROTOCOL, tlsOf(identity));
  socket.on('error', () => {});
  await once(socket, 'open');
  return socket;
}

/** What a link that is over leaves behind is cleared away a moment later. */
async function eventually(attempt: () => Promise<Link>): Promise<Link> {
  for (;;) {
    try {
      return await attempt();
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

const BUSY = { code: 'too-many-connections', kind: 'retry' };

t.test('a peer with as many links as one may have is refused for now, and others are not', async (t) => {
  const { listener, refusals, taken } = await listening({ limits: { all: 10, perPeer: 2 } });
  const links = [await dial(listener.port, ann), await dial(listener.port, ann)];
  await t.rejects(dial(listener.port, ann), BUSY);
  t.match(refusals, [{ ...BUSY, message: new RegExp(`${ann.id} has 2 connections`) }]);
  t.equal(taken.length, 2, 'the ticket of the third was not taken, so it is good for another attempt');
  const other = await dial(listener.port, bob);
  for (const link of [...links, other]) t.ok(await works(link), 'the links there are go on');
  await links[0]?.[Symbol.asyncDispose]();
  const next = await eventually(() => dial(listener.port, ann));
  t.ok(await works(next), 'a place that became free is given away again');
  await t.rejects(dial(listener.port, ann), BUSY);
  await listener.close();
});

t.test('a target with as many links as it takes refuses everybody for now', async (t) => {
  const { listener } = await listening({ limits: { all: 2, perPeer: 2 } });
  const links = [await dial(listener.port, ann), await dial(listener.port, bob)];
  await t.rejects(dial(listener.port, ann), BUSY);
  await t.rejects(dial(listener.port, bob), BUSY);
  for (const link of links) t.ok(await works(link));
  await listener.close();
});

t.test('handshakes that do not come to an end count as links of who began them', async (t) => {
  const { listener, taken } = await listening({ limits: { all: 10, perPeer: 2 } });
  const waiting = [await lingering(listener.port, ann), await lingering(listener.port, ann)];
  await t.rejects(dial(listener.port, ann), BUSY);
  t.same(taken, []);
  t.ok(await works(await dial(listener.port, bob)), 'nobody else is held up');
  for (const socket of waiting) socket.terminate();
  t.ok(await works(await eventually(() => dial(listener.port, ann))));
  await listener.close();
});

t.test('connections that never come as far as the upgrade are bounded too', async (t) => {
  const { listener } = await listening({ limits: { all: 1, perPeer: 1 } });
  const early = Array.from({ length: 100 }, () => connectTls({ ...at(listener.port), ...tlsOf(ann) }));
  const ends = early.map(
    (socket) =>
      new Promise((resolve) => {
        socket.on('error', () => {});
        socket.once('secureConnect', () => resolve('open'));
        socket.once('close', () => resolve('closed'));
      }),
  );
  const open = (await Promise.all(ends)).filter((end) => end === 'open').length;
  t.equal(open, 65, 'the one link and 64 more');
  await t.rejects(dial(listener.port, bob), { name: 'Failure', kind: 'retry' });
  for (const socket of early) socket.destroy();
  t.ok(await works(await eventually(() => dial(listener.port, bob))));
  await listener.close();
});

t.test(
  'a target that insists on post-quantum key exchange takes no source without it, by default it does',
  async (t) => {
    const lenient = await listening({});
    const classical = tlsOf(ann, { ecdhCurve: 'X25519' });
    const accepted = connectTls({ ...at(lenient.listener.port), ...classical });
    await once(accepted, 'secureConnect');
    t.match(accepted.getEphemeralKeyInfo(), { name: 'X25519' });
    accepted.destroy();
    await lenient.listener.close();

    const { listener, refusals } = await listening({ postQuantumOnly: true });
    const refused = connectTls({ ...at(listener.port), ...classical });
    const [error] = await once(refused, 'error');
    t.equal(error.code, 'ERR_SSL_SSL/TLS_ALERT_HANDSHAKE_FAILURE');
    t.match(refusals, [{ code: 'key-exchange-refused', kind: 'refused', advice: /postQuantumOnly/ }]);
    const hybrid = connectTls({ ...at(listener.port), ...tlsOf(ann) });
    await once(hybrid, 'secureConnect');
    t.match(hybrid.getEphemeralKeyInfo(), { name: 'X25519MLKEM768' });
    hybrid.destroy();
    t.ok(await works(await dial(listener.port, ann)));
    listener.present(target);
    const again = connectTls({ ...at(listener.port), ...classical });
    t.match(await once(again, 'error'), [{ code: /HANDSHAKE_FAILURE/ }], 'also with another certificate');
    await listener.close();
  },
);

t.test('a source that insists on post-quantum key exchange does not talk to a target without it', async (t) => {
  const classical = createServer({ ...tlsOf(target, { ecdhCurve: 'X25519' }), requestCert: true });
  classical.on('secureConnection', (socket) => socket.destroy());
  classical.listen(0, '127.0.0.1');
  await once(classical, 'listening');
  const { port } = classical.address() as { port: number };
  await t.rejects(dial(port, ann, { postQuantumOnly: true }), {
    code: 'key-exchange-refused',
    kind: 'refused',
    message: /no TLS key exchange in common/,
  });
  const met = once(classical, 'secureConnection');
  await t.rejects(dial(port, ann), { name: 'Failure', kind: 'retry' });
  t.ok(await met, 'by default it gets through TLS');
  classical.close();
});
