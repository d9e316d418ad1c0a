import { createSecretKey, randomBytes } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import t from 'tap';
import { createRecordOpener } from '../src/records/opener.ts';
import { createRecordSealer } from '../src/records/sealer.ts';
import { GENERATION_LIMITS } from '../src/records/stream-keys.ts';
import { codeOf, flip } from './fixtures.ts';

function pair(limits = GENERATION_LIMITS) {
  const secret = createSecretKey(randomBytes(32));
  return {
    secret,
    sealer: createRecordSealer(secret, 'source', limits),
    opener: createRecordOpener(secret, 'source', limits),
  };
}

const parts = fc.array(
  fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
  { maxLength: 4 },
);
const records = fc.array(fc.record({ type: fc.integer({ min: 1, max: 255 }), stream: fc.nat({ max: 5 }), parts }), {
  minLength: 1,
  maxLength: 12,
});

t.test('records come out as they went in, whole or in pieces, and end with their totals', async () => {
  fc.assert(
    fc.property(records, fc.nat(), (sent, cut) => {
      const { sealer, opener } = pair();
      const opened = sent.map((record) => {
        const message = Buffer.concat(sealer.seal(record.type, record.stream, record.parts));
        const at = cut % (message.length + 1);
        return opener.open([message.subarray(0, at), message.subarray(at)]);
      });
      const expected = sent.map(({ type, stream, parts }) => ({ type, stream, payload: Buffer.concat(parts) }));
      if (!isDeepStrictEqual(opened, expected)) return false;
      return opener.open(sealer.end()).type === 'end';
    }),
    { numRuns: 60 },
  );
});

t.test('the large last part is encrypted into a piece of its own', async (t) => {
  const { sealer } = pair();
  const [header, ciphertext] = sealer.seal(1, 0, [Buffer.alloc(10), Buffer.alloc(100_000)]);
  t.equal(header.length, 37 + 10);
  t.equal(ciphertext.length, 100_000);
  t.equal(ciphertext.buffer.byteLength, 100_000);
});

t.test('every altered byte of a record is refused, and nothing is opened after it', async (t) => {
  const { sealer, secret } = pair();
  const [first, second] = [1, 2].map((type) => Buffer.concat(sealer.seal(type, 1, [Buffer.from('payload')])));
  for (let position = 0; position < (first as Buffer).length; position++) {
    const opener = createRecordOpener(secret, 'source');
    if (codeOf(() => opener.open(flip(first as Buffer, position))) !== 'record-refused') t.fail(`byte ${position}`);
    if (codeOf(() => opener.open(first as Buffer)) !== 'record-refused') t.fail(`after byte ${position}`);
  }
  t.equal(
    codeOf(() => createRecordOpener(secret, 'source').open(second as Buffer)),
    'record-refused',
  );
});

t.test('a dropped, repeated or reordered record is refused', async (t) => {
  const { sealer, secret } = pair();
  const sealed = [0, 1, 2].map((n) => Buffer.concat(sealer.seal(1, 0, [Buffer.from([n])])));
  const orders: [number[], string][] = [
    [[0, 1, 2], 'no failure'],
    [[0, 2], 'record-refused'],
    [[0, 0], 'record-refused'],
    [[1], 'record-refused'],
    [[0, 2, 1], 'record-refused'],
  ];
  for (const [order, code] of orders) {
    const opener = createRecordOpener(secret, 'source');
    t.equal(
      codeOf(() => order.map((n) => opener.open(sealed[n] as Buffer))),
      code,
      order.join(),
    );
  }
});

t.test('a record is refused in the other direction, in another stream and in another connection', async (t) => {
  const { sealer, secret } = pair();
  const record = Buffer.concat(sealer.seal(1, 0, [Buffer.from('x')]));
  t.equal(
    codeOf(() => createRecordOpener(secret, 'target').open(record)),
    'record-refused',
  );
  t.equal(
    codeOf(() => createRecordOpener(secret, 'source').open(flip(record, 4))),
    'record-refused',
  );
  t.equal(
    codeOf(() => pair().opener.open(record)),
    'record-refused',
  );
});

t.test('a stream cut off is told from one that ended, and an end with records missing is refused', async (t) => {
  const { sealer, secret } = pair();
  const inStream1 = Buffer.concat(sealer.seal(1, 1, [Buffer.from('x')]));
  const end = Buffer.concat(sealer.end());
  t.equal(
    codeOf(() => sealer.seal(1, 1, [])),
    'stream-ended',
  );
  const whole = createRecordOpener(secret, 'source');
  whole.open(inStream1);
  t.same(whole.open(end), { type: 'end' });
  t.equal(
    codeOf(() => whole.open(end)),
    'record-refused',
  );
  t.equal(
    codeOf(() => createRecordOpener(secret, 'source').open(end)),
    'record-refused',
  );
});

t.test('keys change by generation after the given records or bytes, on both sides alike', async (t) => {
  const limits = { records: 3, bytes: 1000 };
  const { sealer, opener, secret } = pair(limits);
  const generations: number[] = [];
  for (const length of [1, 1, 1, 1, 600, 600, 1000, 1]) {
    const message = Buffer.concat(sealer.seal(1, 0, [Buffer.alloc(length)]));
    generations.push(message.readUInt32BE(5));
    opener.open(message);
  }
  t.same(generations, [0, 0, 0, 1, 1, 2, 3, 4]);
  const unaware = createRecordOpener(secret, 'source');
  const again = createRecordSealer(secret, 'source', limits);
  const sealed = [0, 1, 2, 3].map(() => again.seal(1, 0, [Buffer.alloc(1)]));
  t.equal(
    codeOf(() => sealed.map((message) => unaware.open(message))),
    'record-refused',
  );
  t.same(GENERATION_LIMITS, { records: 1_048_576, bytes: 68_719_476_736 });
});

t.test('random bytes are refused as a record, never as a crash', async () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      return codeOf(() => pair().opener.open(Buffer.from(bytes))) === 'record-refused';
    }),
    { numRuns: 100 },
  );
});
