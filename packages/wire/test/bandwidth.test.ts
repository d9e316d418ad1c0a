import { randomBytes } from 'node:crypto';
import t from 'tap';
import {
  BandwidthLimits,
  connectLink,
  type Link,
  Pacer,
  type PacerClock,
  parseBandwidth,
  parseRate,
} from '../src/index.ts';
import { install, relay } from './installation.ts';

const MIB = 1024 * 1024;
const at = (text: string) => Date.parse(text);

/** A clock that stands still until nobody does anything but wait, and then jumps to the first who is due. */
class JumpingClock implements PacerClock {
  #now = 0;
  #due: { at: number; wake: (value: undefined) => void }[] = [];

  now(): number {
    return this.#now;
  }

  sleep(milliseconds: number): Promise<undefined> {
    const { promise, resolve } = Promise.withResolvers<undefined>();
    this.#due.push({ at: this.#now + milliseconds, wake: resolve });
    return promise;
  }

  async run(until: Promise<unknown>): Promise<void> {
    let over = false;
    void until.then(() => {
      over = true;
    });
    while (!over) {
      await new Promise((resolve) => setImmediate(resolve));
      const [next] = this.#due.sort((one, other) => one.at - other.at);
      if (next === undefined) continue;
      this.#due.shift();
      this.#now = Math.max(this.#now, next.at);
      next.wake(undefined);
    }
  }
}

t.test('a limit is a rate, or a calendar of which the last rule that applies counts', async (t) => {
  const rate = parseBandwidth('20M; mon-fri 08:00-18:00 2M; wed 512K; sat,sun 22:00-06:00 unlimited', 'Europe/Berlin');
  t.equal(rate(at('2026-11-24T07:30:00Z')), 2 * MIB, 'a Tuesday, half past eight in Berlin');
  t.equal(rate(at('2026-11-24T06:59:00Z')), 20 * MIB);
  t.equal(rate(at('2026-11-24T17:00:00Z')), 20 * MIB, 'the end does not belong to it');
  t.equal(rate(at('2026-11-25T09:00:00Z')), 512 * 1024, 'a Wednesday');
  t.equal(rate(at('2026-11-28T21:00:00Z')), undefined, 'Saturday night');
  t.equal(rate(at('2026-11-30T04:59:00Z')), undefined, 'the hours after midnight belong to the Sunday');
  t.equal(rate(at('2026-11-30T05:00:00Z')), 20 * MIB);
  t.equal(parseBandwidth('fri-mon 1M', 'UTC')(at('2026-11-24T07:30:00Z')), undefined, 'no rule, no limit');
  t.equal(parseBandwidth('fri-mon 1M', 'UTC')(at('2026-11-29T07:30:00Z')), MIB);
  t.same(['50', '1.5M', '64k', '1GiB/s', '8MB'].map(parseRate), [50 * MIB, 1.5 * MIB, 65_536, 1024 * MIB, 8 * MIB]);
});

t.test('what is no limit is refused, with what is wrong with it', async (t) => {
  const wrong = [
    '',
    '1M;',
    'fast',
    '-1',
    '0',
    '0.5K',
    '10 M',
    'mon 1M 2M',
    'xyz 1M',
    'mon-tue-wed 1M',
    '25:00-26:00 1M',
  ];
  for (const text of [...wrong, '08:00-08:00 1M', '24:30-06:00 1M', `1M${' '.repeat(200)}`]) {
    t.throws(() => parseBandwidth(text, 'UTC'), { code: 'bandwidth-invalid', kind: 'refused' }, `'${text}'`);
  }
});

t.test('no span of time carries more than its rate, 20 ms of it and a slice, whoever sends', async (t) => {
  const clock = new JumpingClock();
  const rate = 1_000_000;
  const pacer = new Pacer(() => rate, clock);
  const sent: { at: number; bytes: number; who: number }[] = [];
  const send = async (who: number) => {
    for (let left = 2_000_000; left > 0; ) {
      const bytes = Math.min(left, pacer.slice as number);
      await pacer.take(bytes);
      sent.push({ at: clock.now(), bytes, who });
      left -= bytes;
    }
  };
  await clock.run(Promise.all([send(0), send(1)]));
  const slice = pacer.slice as number;
  t.equal(slice, 50_000);
  let worst = 0;
  for (const [i, first] of sent.entries()) {
    let bytes = 0;
    for (const one of sent.slice(i)) {
      bytes += one.bytes;
      worst = Math.max(worst, bytes - (rate * (one.at - first.at + 20)) / 1000 - slice);
    }
  }
  t.ok(worst <= 0, `at most ${worst} bytes above`);
  t.ok(clock.now() > 3900 && clock.now() < 4200, `4 MB took ${clock.now()} ms`);
  const half = sent.slice(0, sent.length / 2).filter(({ who }) => who === 0).length;
  t.equal(half, sent.length / 4, 'both had the same share all the time');
});

t.test('a changed limit counts for those who wait already', async (t) => {
  const clock = new JumpingClock();
  let rate: number | undefined = 1024;
  const pacer = new Pacer(() => rate, clock);
  await clock.run(pacer.take(4096));
  const waiting = pacer.take(4096);
  await new Promise((resolve) => setImmediate(resolve));
  rate = undefined;
  await clock.run(waiting);
  t.ok(clock.now() <= 202, `waited ${clock.now()} ms instead of four seconds`);
});

t.test('limits of both ends and of the job count for a link, as they are told', async (t) => {
  const limits = new BandwidthLimits();
  const ends = { own: 'a', peer: 'b', job: 'c' };
  t.same(limits.pacersFor(ends), []);
  const told = (of: 'transporter' | 'job', id: string, bandwidth: string) => ({ of, id, bandwidth });
  limits.replace({
    timeZone: 'UTC',
    limits: [told('transporter', 'b', '1M'), told('job', 'c', '2M'), told('job', 'a', '1K')],
  });
  const [peer, job, ...more] = limits.pacersFor(ends);
  t.same(more, []);
  limits.replace({ timeZone: 'UTC', limits: [told('job', 'c', '4K')] });
  t.same(limits.pacersFor(ends), [job], 'the same as before, so that nobody has anything in hand');
  t.equal(job?.slice, 4096);
  t.equal(peer?.slice, undefined);
});

t.test('a socket never carries more than its limit, and all of it at once when that is lifted', async (t) => {
  const place = await install();
  const [source, target] = [await place.enrol(), await place.enrol()];
  const accepted = Promise.withResolvers<Link>();
  await using listener = await place.listen(target, accepted.resolve);
  const rate = 400 * 1024;
  let passed = 0;
  let handshake = 0;
  let worst = 0;
  let start: number | undefined;
  const gate = await relay(listener.port, (near, far) => {
    far.pipe(near);
    near.on('data', (bytes: Buffer) => {
      passed += bytes.length;
      // What has come was sent before: late pieces cannot make it more than it was.
      const early = start === undefined ? 0 : passed - handshake - (rate * (performance.now() - start)) / 1000;
      worst = Math.max(worst, early);
      far.write(bytes);
    });
  });
  t.teardown(() => gate.close());
  const url = `wss://127.0.0.1:${gate.port}`;
  const options = { url, identity: source, ticket: place.ticket(source, target), expectPeer: target.id };
  await using near = await connectLink(options, new AbortController().signal);
  await using far = await accepted.promise;
  const messages = far.messages()[Symbol.asyncIterator]();
  await near.send(1, [Buffer.from('through')]);
  await messages.next();

  const limited = { timeZone: 'UTC', limits: [{ of: 'job' as const, id: 'j', bandwidth: '400K' }] };
  const limits = new BandwidthLimits();
  limits.replace(limited);
  near.paceBy(() => limits.pacersFor({ own: 'o', peer: 'p', job: 'j' }));
  [handshake, start] = [passed, performance.now()];
  const body = randomBytes(300 * 1024);
  await near.send(2, [body]);
  t.same((await messages.next()).value?.payload, body, 'in slices, it is still one message');
  t.ok(worst <= rate * 0.02 + 2 * 20_480, `at most ${Math.round(worst)} bytes early`);

  const large = randomBytes(16 * MIB);
  const sending = near.send(3, [large]);
  start = undefined;
  limits.replace({ ...limited, limits: [] });
  await sending;
  t.ok((await messages.next()).value?.payload.equals(large), 'which would have taken 40 s');
});
