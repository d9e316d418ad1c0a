import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { connect, createServer, type TLSSocket } from 'node:tls';
import type { Identity } from '@sealift/crypto';
import t from 'tap';
import { connectLink, type Link } from '../src/index.ts';
import { echo, install, relay } from './installation.ts';

const CANARY = Buffer.from('canary-7f3a-the-secret-of-the-source');

const place = await install();
const source = await place.enrol();
const target = await place.enrol();
const proxy = await place.enrol();
const never = new AbortController().signal;

function dial(port: number): Promise<Link> {
  return connectLink({ url: `wss://127.0.0.1:${port}`, identity: source, ticket: place.ticket(source, target) }, never);
}

/** Sends the canary as kind and content of messages, plain and repeated, and has it echoed. */
async function speak(link: Link): Promise<number> {
  await link.send(1, [CANARY]);
  await link.send(2, [Buffer.alloc(100_000, CANARY)]);
  await link.end();
  let received = 0;
  for await (const { payload } of link.messages()) if (payload.includes(CANARY)) received += 1;
  return received;
}

/**
 * A proxy that ends TLS on both sides with a certificate that both sides trust, and may alter what passes, a chunk at a
 * time, before it goes on inside another TLS connection.
 */
async function tlsProxy(port: number, identity: Identity, alter: (chunk: Buffer, passed: number) => void) {
  const tls = {
    key: identity.privateKey.export({ type: 'pkcs8', format: 'pem' }),
    cert: identity.certificate,
    ca: identity.authority,
  };
  const seen: Buffer[] = [];
  const pass = (from: TLSSocket, to: TLSSocket, change: (chunk: Buffer, passed: number) => void) => {
    let passed = 0;
    from.on('error', () => to.destroy()).on('close', () => to.destroy());
    from.on('data', (chunk: Buffer) => {
      seen.push(Buffer.from(chunk));
      change(chunk, passed);
      passed += chunk.length;
      to.write(chunk);
    });
  };
  const server = createServer({ ...tls, requestCert: true }, (near) => {
    const far = connect({ ...tls, port, host: '127.0.0.1', checkServerIdentity: () => undefined });
    pass(near, far, alter);
    pass(far, near, () => {});
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { port: (server.address() as AddressInfo).port, seen: () => Buffer.concat(seen), close: () => server.close() };
}

t.test('a recorder on the network sees no plaintext', async (t) => {
  const failures: unknown[] = [];
  await using listener = await place.listen(target, (link) => void echo(link).catch((e) => failures.push(e)));
  const recorded: Buffer[] = [];
  const wire = await relay(listener.port, (near, far) => {
    near.pipe(far).pipe(near);
    for (const socket of [near, far]) socket.on('data', (chunk) => recorded.push(chunk));
  });
  t.teardown(() => wire.close());
  await using link = await dial(wire.port);
  t.equal(await speak(link), 2);
  const all = Buffer.concat(recorded);
  t.ok(all.length > 200_000);
  t.notOk(all.includes(CANARY));
  t.notOk(all.includes(CANARY.subarray(0, 8)));
  t.strictSame(failures, []);
});

t.test('a proxy that ends TLS under a trusted certificate sees no plaintext', async (t) => {
  const peers: string[] = [];
  await using listener = await place.listen(target, (link) => {
    peers.push(link.peer.id);
    void echo(link).catch(() => {});
  });
  const between = await tlsProxy(listener.port, proxy, () => {});
  t.teardown(between.close);
  await using link = await dial(between.port);
  t.equal(link.peer.id, target.id, 'the source speaks with the target, not with the proxy');
  t.equal(await speak(link), 2);
  t.strictSame(peers, [source.id], 'and the target with the source');
  const all = between.seen();
  t.ok(all.includes('sealift-data.v1'), 'it does see the upgrade');
  t.ok(all.length > 200_000);
  t.notOk(all.includes(CANARY));
  t.notOk(all.includes(CANARY.subarray(0, 8)));
});

t.test(
  'a byte changed by such a proxy, anywhere in the stream, ends the link before anything wrong is read',
  async (t) => {
    // From the source: upgrade request, handshake message of the ticket, finished message, records.
    for (const at of [700, 1500, 2600, 3400, 9000, 60_000]) {
      const received: Buffer[] = [];
      await using listener = await place.listen(target, (link) => void reading(link, received));
      const between = await tlsProxy(listener.port, proxy, (chunk, passed) => {
        const index = at - passed;
        if (index >= 0 && index < chunk.length) chunk[index] = (chunk[index] ?? 0) ^ 0x01;
      });
      const payload = Buffer.alloc(20_000, CANARY);
      await t.rejects(talk(between.port, payload), { name: 'Failure' }, `byte ${at}`);
      t.ok(received.every((one) => one.equals(payload)));
      t.ok(received.length < 10, 'it did not get to the end');
      between.close();
    }
  },
);

async function talk(port: number, payload: Buffer): Promise<void> {
  await using link = await dial(port);
  for (let count = 0; count < 10; count += 1) await link.send(1, [payload]);
  await link.end();
  for await (const _ of link.messages());
}

async function reading(link: Link, received: Buffer[]): Promise<void> {
  try {
    await using held = link;
    for await (const { payload } of held.messages()) received.push(payload);
    await held.end();
  } catch {
    // The failure itself is looked at where the source sees it.
  }
}
