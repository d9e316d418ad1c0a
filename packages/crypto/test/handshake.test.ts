import { Failure } from '@sealift/core';
import fc from 'fast-check';
import t from 'tap';
import { createAuthority, type HandshakeResult, sourceHandshake, type Ticket, targetHandshake } from '../src/index.ts';
import { channelPair, codeOfAsync, type Deployment, deployment, enrol, flip, ticketFor } from './fixtures.ts';

type Tamper = (message: Buffer, number: number) => Buffer;

interface Attempt {
  ticket?: Buffer;
  tamper?: Tamper;
  /** Ids of tickets that were taken. */
  used?: Set<string>;
  source?: Deployment['source'];
  target?: Deployment['target'];
}

/** Runs both sides over one channel; whoever fails closes it, as the owner of a real connection does. */
async function shakeHands(d: Deployment, attempt: Attempt = {}) {
  const channel = channelPair(attempt.tamper);
  const used = attempt.used ?? new Set();
  const closing = <T>(side: Promise<T>): Promise<T> => side.finally(() => channel.close());
  const source = closing(
    sourceHandshake(channel.source, { identity: attempt.source ?? d.source, ticket: attempt.ticket ?? ticketFor(d) }),
  );
  const target = closing(
    targetHandshake(channel.target, {
      identity: attempt.target ?? d.target,
      ticketKeys: () => [d.ticketKey.publicKey],
      useTicket: ({ jti }) => {
        if (used.has(jti)) throw new Failure('ticket-used', 'refused', 'It was used before.');
        used.add(jti);
      },
    }),
  );
  const [atSource, atTarget] = await Promise.allSettled([source, target]);
  return { source, target, atSource, atTarget };
}

async function connect(d: Deployment): Promise<[HandshakeResult, HandshakeResult & { ticket: Ticket }]> {
  const { source, target } = await shakeHands(d);
  return [await source, await target];
}

const d = await deployment();

t.test('gives both sides each other and records that travel both ways', async (t) => {
  const [source, target] = await connect(d);
  t.equal(source.peer.id, d.target.id);
  t.equal(target.peer.id, d.source.id);
  t.same(target.ticket.rights, ['append', 'read']);
  const sent = source.sealer.seal(7, 3, [Buffer.from('small '), Buffer.from('large')]);
  t.same(target.opener.open(sent), { type: 7, stream: 3, payload: Buffer.from('small large') });
  t.same(source.opener.open(Buffer.concat(target.sealer.seal(1, 0, [Buffer.from('back')]))), {
    type: 1,
    stream: 0,
    payload: Buffer.from('back'),
  });
});

t.test('refuses on both sides when any message was altered, and hands out no keys to use', async () => {
  const property = fc.asyncProperty(
    fc.integer({ min: 1, max: 4 }),
    fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
    fc.integer({ min: 1, max: 255 }),
    async (victim, place, mask) => {
      const tamper: Tamper = (message, number) =>
        number === victim ? flip(message, Math.floor(place * message.length), mask) : message;
      const { source, target } = await shakeHands(d, { tamper });
      const [atSource, atTarget] = [await codeOfAsync(source), await codeOfAsync(target)];
      const failed = (code: string) => code !== 'no failure' && !code.startsWith('not a Failure');
      // The source has sent everything before its last message is altered: only the target can notice that one.
      return failed(atTarget) && (victim === 4 || failed(atSource));
    },
  );
  await fc.assert(property, { numRuns: 120 });
});

t.test('a source whose last message was altered gets nothing accepted and receives nothing', async (t) => {
  const { source, target } = await shakeHands(d, { tamper: (m, number) => (number === 4 ? flip(m, 20) : m) });
  t.equal(await codeOfAsync(target), 'handshake-failed');
  const [other] = await connect(d);
  const { opener } = await source;
  t.equal(await codeOfAsync((async () => opener.open(other.sealer.seal(1, 0, [])))()), 'record-refused');
});

t.test('messages cut short, lengthened, repeated or replaced are refused', async (t) => {
  const first: Buffer[] = [];
  const tampers: Tamper[] = [
    (m) => m.subarray(0, m.length - 1),
    (m) => Buffer.concat([m, Buffer.from([0])]),
    () => Buffer.alloc(0),
    () => Buffer.alloc(70_000),
    (m, number) => {
      if (number === 1) first.push(m);
      return number === 2 ? (first[0] as Buffer) : m;
    },
  ];
  for (const tamper of tampers) {
    const { source, target } = await shakeHands(d, { tamper });
    t.not(await codeOfAsync(source), 'no failure');
    t.not(await codeOfAsync(target), 'no failure');
  }
});

t.test('a ticket stolen by another Transporter is refused', async (t) => {
  const thief = await enrol(d.authority, 'source');
  const { target } = await shakeHands(d, { source: thief });
  t.equal(await codeOfAsync(target), 'ticket-misdirected');
});

t.test('a ticket for one target does not open another, and the source does not talk to that one', async (t) => {
  const other = await enrol(d.authority, 'target');
  const { target } = await shakeHands(d, { target: other });
  t.equal(await codeOfAsync(target), 'ticket-misdirected');
});

t.test('a ticket is accepted once; a failed attempt by someone else does not spend it', async (t) => {
  const used = new Set<string>();
  const ticket = ticketFor(d);
  const thief = await enrol(d.authority, 'source');
  t.equal(await codeOfAsync((await shakeHands(d, { ticket, used, source: thief })).target), 'ticket-misdirected');
  t.equal(await codeOfAsync((await shakeHands(d, { ticket, used })).target), 'no failure');
  t.equal(await codeOfAsync((await shakeHands(d, { ticket, used })).target), 'ticket-used');
});

t.test('an expired ticket is refused, and so is one that claims a longer window', async (t) => {
  const issued = Date.now() - 6 * 60_000;
  const late = ticketFor(d, { issued, expires: issued + 5 * 60_000 });
  t.equal(await codeOfAsync((await shakeHands(d, { ticket: late })).target), 'ticket-expired');
  const greedy = ticketFor(d, { issued, expires: issued + 86_400_000 });
  t.equal(await codeOfAsync((await shakeHands(d, { ticket: greedy })).target), 'ticket-expired');
});

t.test('a certificate of another authority is refused', async (t) => {
  const stranger = await enrol(await createAuthority(), 'source');
  t.equal(await codeOfAsync((await shakeHands(d, { source: stranger })).target), 'certificate-untrusted');
});
