import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { connect as connectTls } from 'node:tls';
import type { Failure } from '@sealift/core';
import type { Identity } from '@sealift/crypto';
import t from 'tap';
import { type ControlHandlers, connectControl } from '../src/index.ts';
import { openControl } from './control-stage.ts';
import { relay } from './installation.ts';

const limit = () => AbortSignal.timeout(15_000);
const taskId = randomUUID();
const TICKET = { ticket: Buffer.from('ticket'), url: 'wss://target:7422', targetId: randomUUID() };
const giveTicket: ControlHandlers = { 'task.ticket': () => TICKET };

/** How a client without post-quantum key exchange dials. */
function classical(url: string, { privateKey, certificate: cert, authority: ca }: Identity) {
  const key = privateKey.export({ type: 'pkcs8', format: 'pem' });
  const where = { host: '127.0.0.1', port: Number(new URL(url).port) };
  return {
    ...where,
    key,
    cert,
    ca,
    checkServerIdentity: () => undefined,
    minVersion: 'TLSv1.3',
    ecdhCurve: 'X25519',
  } as const;
}

t.test('a peer that falls silent without closing is noticed at both ends', async (t) => {
  await using stage = await openControl({}, { patience: 600 });
  const joined: (() => void)[] = [];
  const wire = await relay(Number(new URL(stage.url).port), (near, far) => {
    near.pipe(far).pipe(near);
    joined.push(() => {
      near.unpipe(far);
      far.unpipe(near);
    });
  });
  t.teardown(() => wire.close());
  const url = `wss://127.0.0.1:${wire.port}`;
  const near = await connectControl({ url, identity: await stage.enrol(), handlers: {}, patience: 600 }, limit());
  const far = await stage.peer(0);
  await new Promise((resolve) => setTimeout(resolve, 1500));
  t.ok(near.open && far.open, 'one that is idle outlives the patience');
  for (const stall of joined) stall();
  const silence = { code: 'disconnected', kind: 'retry', message: 'Nothing was heard for 0.6 s.' };
  t.match(await near.closed, silence);
  t.match(await far.closed, silence);
});

t.test('a Director with as many connections as it takes, in all or of one peer, refuses for now', async (t) => {
  const refusals: Failure[] = [];
  const limits = { all: 3, perPeer: 2 };
  await using stage = await openControl(giveTicket, { limits, onRefused: (failure) => refusals.push(failure) });
  const [ann, bob] = [await stage.enrol(), await stage.enrol()];
  const attempt = (identity: Identity) => connectControl({ url: stage.url, identity, handlers: {} }, limit());
  const BUSY = { code: 'too-many-connections', kind: 'retry' };
  await using first = await attempt(ann);
  const second = await attempt(ann);
  await t.rejects(attempt(ann), BUSY);
  await using third = await attempt(bob);
  await t.rejects(attempt(bob), BUSY, 'the third is the last of all');
  t.match(refusals, [BUSY, BUSY]);
  for (const peer of [first, third]) t.same(await peer.call('task.ticket', { taskId }), TICKET, 'those there go on');
  await second.close();
  await (await stage.peer(1)).closed;
  await using again = await attempt(ann);
  t.same(await again.call('task.ticket', { taskId }), TICKET);
});

t.test('post-quantum key exchange can be insisted on at either end, and is not by default', async (t) => {
  const refusals: Failure[] = [];
  const onRefused = (failure: Failure) => refusals.push(failure);
  await using strict = await openControl(giveTicket, { postQuantumOnly: true, onRefused });
  const identity = await strict.enrol();
  const refused = connectTls(classical(strict.url, identity));
  t.match(await once(refused, 'error'), [{ code: /ALERT_HANDSHAKE_FAILURE/ }]);
  t.match(refusals, [{ code: 'key-exchange-refused', kind: 'refused', message: /127\.0\.0\.1/ }]);
  await using peer = await connectControl({ url: strict.url, identity, handlers: {} }, limit());
  t.same(await peer.call('task.ticket', { taskId }), TICKET);

  await using lenient = await openControl(giveTicket);
  const member = await lenient.enrol();
  const accepted = connectTls(classical(lenient.url, member));
  await once(accepted, 'secureConnect');
  t.match(accepted.getEphemeralKeyInfo(), { name: 'X25519' });
  accepted.destroy();

  await using old = await openControl(giveTicket, { ecdhCurve: 'X25519' });
  const stale = await old.enrol();
  const where = { url: old.url, identity: stale, handlers: {} };
  await t.rejects(connectControl({ ...where, postQuantumOnly: true }, limit()), {
    code: 'key-exchange-refused',
    kind: 'refused',
  });
  await using met = await connectControl(where, limit());
  t.same(await met.call('task.ticket', { taskId }), TICKET, 'by default X25519 is taken');
});
