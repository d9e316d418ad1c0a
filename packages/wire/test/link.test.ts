import { createHash, randomBytes } from 'node:crypto';
import { Failure } from '@sealift/core';
import t from 'tap';
import { connectLink, type Link, type LinkListener, type LinkMessage, MAX_PAYLOAD } from '../src/index.ts';
import { echo, install, relay } from './installation.ts';

const place = await install();
const source = await place.enrol();
const target = await place.enrol();
const never = new AbortController().signal;

function dial(listener: { port: number }, more: object = {}): Promise<Link> {
  const url = `wss://127.0.0.1:${listener.port}`;
  const ticket = place.ticket(source, target);
  return connectLink({ url, identity: source, ticket, expectPeer: target.id, ...more }, never);
}

async function collect(link: Link): Promise<LinkMessage[]> {
  const all: LinkMessage[] = [];
  for await (const message of link.messages()) all.push(message);
  return all;
}

/** Both ends of one link. */
async function pair(more: object = {}): Promise<{ near: Link; far: Link; listener: LinkListener }> {
  const accepted = Promise.withResolvers<Link>();
  const listener = await place.listen(target, accepted.resolve, more);
  const near = await dial(listener, more);
  return { near, far: await accepted.promise, listener };
}

t.test('messages of odd sizes up to 4 MiB come back unchanged and in order, both peers are known', async (t) => {
  const finished = Promise.withResolvers<void>();
  await using listener = await place.listen(target, (link) => {
    t.equal(link.peer.id, source.id);
    t.match(link.ticket, { mode: 'in-flight', rights: ['append'] });
    echo(link).then(finished.resolve, finished.reject);
  });
  await using link = await dial(listener);
  t.equal(link.peer.id, target.id);

  const sizes = [0, 1, 2, 3, 15, 16, 17, 125, 126, 127, 1000, 65_535, 65_536, 65_537, 1_048_577, 4_194_303, 4_194_304];
  const payloads = sizes.map((size) => randomBytes(size));
  const echoed = collect(link);
  for (const [at, payload] of payloads.entries()) {
    const middle = payload.length >> 1;
    await link.send(at + 1, [payload.subarray(0, middle), payload.subarray(middle)]);
  }
  await link.end();

  const messages = await echoed;
  t.strictSame(
    messages.map(({ kind, payload }) => [kind, payload.length, sha256(payload)]),
    payloads.map((payload, at) => [at + 1, payload.length, sha256(payload)]),
  );
  t.ok(link.bytesSent > 9_000_000 && link.bytesReceived > 9_000_000);
  await finished.promise;
});

t.test('a thousand small messages sent at once arrive in the order of the calls', async (t) => {
  const { near, far, listener } = await pair();
  const sent = Array.from({ length: 1000 }, (_, at) => near.send(7, [Buffer.from(String(at))]));
  await Promise.all(sent);
  await near.end();
  const texts = (await collect(far)).map(({ payload }) => payload.toString());
  t.strictSame(
    texts,
    sent.map((_, at) => String(at)),
  );
  await near[Symbol.asyncDispose]();
  await listener.close();
});

t.test('a link that ended is told apart from one that was cut off', async (t) => {
  const ended = await pair();
  await ended.near.send(1, [Buffer.from('all')]);
  await ended.near.end();
  await ended.near[Symbol.asyncDispose]();
  t.equal((await collect(ended.far)).length, 1, 'the reader ends without a failure');
  t.strictSame(await collect(ended.far), [], 'and stays at the end');
  await ended.listener.close();

  const left = await pair();
  await left.near.send(1, [Buffer.from('some')]);
  await left.near[Symbol.asyncDispose]();
  await t.rejects(collect(left.far), { code: 'disconnected', kind: 'retry' });
  await left.listener.close();
});

t.test('a cut connection fails both ends with kind retry, after what had arrived', async (t) => {
  const accepted = Promise.withResolvers<Link>();
  await using listener = await place.listen(target, accepted.resolve);
  const wire = await relay(listener.port, (near, far) => near.pipe(far).pipe(near));
  t.teardown(() => wire.close());
  const near = await dial(wire);
  const far = await accepted.promise;
  await near.send(1, [Buffer.from('first')]);
  const reading = far.messages()[Symbol.asyncIterator]();
  t.equal((await reading.next()).value?.payload.toString(), 'first');
  wire.cut();
  await t.rejects(reading.next(), { kind: 'retry', code: 'disconnected' });
  await t.rejects(collect(near), { kind: 'retry', code: 'disconnected' });
  await t.rejects(near.send(1, [Buffer.alloc(1)]), { code: 'disconnected', kind: 'retry' });
});

t.test('a peer that falls silent without closing is noticed', async (t) => {
  const accepted = Promise.withResolvers<Link>();
  await using listener = await place.listen(target, accepted.resolve, { patience: 600 });
  const joined: (() => void)[] = [];
  const wire = await relay(listener.port, (near, far) => {
    near.pipe(far).pipe(near);
    joined.push(() => {
      near.unpipe(far);
      far.unpipe(near);
    });
  });
  t.teardown(() => wire.close());
  const near = await dial(wire, { patience: 600 });
  const far = await accepted.promise;
  for (const part of joined) part();
  await t.rejects(collect(near), { kind: 'retry', code: 'disconnected', message: /silent/ });
  await t.rejects(collect(far), { kind: 'retry', code: 'disconnected', message: /silent/ });
});

t.test('an idle link and one with a reader that has stalled both outlive the patience', async (t) => {
  const { near, far, listener } = await pair({ patience: 300 });
  await flood(near, 80);
  await new Promise((resolve) => setTimeout(resolve, 1200));
  void near.end();
  const all = await collect(far);
  t.equal(all.length, 80);
  await new Promise((resolve) => setTimeout(resolve, 600));
  await far.send(1, [Buffer.alloc(1)]);
  await far.end();
  t.equal((await collect(near)).length, 1);
  await near[Symbol.asyncDispose]();
  await listener.close();
});

t.test('a receiver that does not read stops the sender, and memory stays bounded', async (t) => {
  const { near, far, listener } = await pair();
  const count = 120;
  let sent = 0;
  const sending = (async () => {
    for (; sent < count; sent += 1) await near.send(1, [Buffer.alloc(1024 * 1024, sent)]);
    await near.end();
  })();
  let before = -1;
  while (before !== sent) {
    before = sent;
    await new Promise((resolve) => setTimeout(resolve, 400));
  }
  t.ok(sent >= 64, 'up to the high water mark everything is taken');
  t.ok(sent < 110, `the sender was stopped after ${sent} MiB`);
  t.ok(far.bytesReceived < 70 * 1024 * 1024, 'the receiver has stopped reading');
  let next = 0;
  for await (const { payload } of far.messages()) {
    if (payload[0] === next) next += 1;
  }
  t.equal(next, count, 'and all of it arrives in order once it reads again');
  await sending;
  await near[Symbol.asyncDispose]();
  await listener.close();
});

t.test('abort fails both directions here and tells the peer why', async (t) => {
  const { near, far, listener } = await pair();
  const reading = collect(far);
  near.abort(new Failure('job-cancelled', 'refused', 'The run was cancelled.'));
  const disposed = near[Symbol.asyncDispose]();
  await t.rejects(collect(near), { code: 'job-cancelled' });
  await t.rejects(near.send(1, []), { code: 'job-cancelled' });
  await t.rejects(reading, { code: 'job-cancelled', kind: 'refused', message: /The run was cancelled/ });
  await disposed;
  await listener.close();
});

t.test('a message beyond the limit is not sent', async (t) => {
  const { near, listener } = await pair();
  await t.rejects(near.send(1, [Buffer.alloc(MAX_PAYLOAD + 1)]), { code: 'message-too-large' });
  await near[Symbol.asyncDispose]();
  await listener.close();
});

t.test('closing the listener drops its links with kind retry and frees the port', async (t) => {
  const { near, far, listener } = await pair();
  const reading = collect(near);
  await listener.close();
  await t.rejects(reading, { kind: 'retry', code: 'disconnected' });
  await t.rejects(collect(far), { kind: 'retry', code: 'disconnected' });
  await t.rejects(dial(listener), { kind: 'retry', code: 'unreachable' });
});

/** Sends so much that the reader's high water mark is passed, without waiting for it. */
async function flood(link: Link, megabytes: number): Promise<void> {
  const all = Array.from({ length: megabytes }, () => link.send(1, [Buffer.alloc(1024 * 1024)]));
  await Promise.race([Promise.all(all), new Promise((resolve) => setTimeout(resolve, 500))]);
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}
