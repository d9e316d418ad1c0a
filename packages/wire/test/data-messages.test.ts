import { isDeepStrictEqual } from 'node:util';
import { Failure } from '@sealift/core';
import fc from 'fast-check';
import t from 'tap';
import * as wire from '../src/index.ts';

const id32 = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => Buffer.from(bytes));
const id16 = fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => Buffer.from(bytes));
const ids = fc.array(id32, { minLength: 1, maxLength: 20 }).map((list) => Buffer.concat(list));
const body = fc.uint8Array({ minLength: 1, maxLength: 300 }).map((bytes) => Buffer.from(bytes));
const uuid = fc.uuid();
const u32 = fc.nat({ max: 0xffffffff });
const u64 = fc.maxSafeNat();
const type = fc.constantFrom(1, 2, 3, 4, 5, 6) as fc.Arbitrary<wire.Fetched['type']>;
const run = fc.record({ runSalt: id32, epoch: u32, commitment: id32 });
const failure = fc.record({
  code: fc.constantFrom('chunk-missing', 'disk-full', 'x'),
  kind: fc.constantFrom('retry', 'corrupt', 'refused', 'bug') as fc.Arbitrary<'retry'>,
  message: fc.constantFrom('', 'The chunk 01ab is damaged.', 'Zürich ↯ ausgefallen'),
  advice: fc.constantFrom('', 'Run `sealift verify`.'),
});
const presence: fc.Arbitrary<wire.Presence> = fc.oneof(
  fc.record({ state: fc.constant('missing' as const) }),
  fc.record({ state: fc.constant('chunk' as const) }),
  fc.record({ state: fc.constant('member' as const), bundle: id32, ordinal: u32 }),
);
const plainChunk = fc.record({ sequence: u64, type, id: id32, members: fc.constant(Buffer.alloc(0)), body });
const bundleChunk = fc.record({ sequence: u64, type: fc.constant(6 as const), id: id32, members: ids, body });
const summary = fc.record({
  pointId: uuid,
  jobId: uuid,
  sourceId: uuid,
  mode: fc.constantFrom('in-flight' as const, 'source-side' as const),
  sequence: u64,
  createdAt: u64,
  receivedAt: u64,
  hash: id32,
});
const open = fc.record(
  {
    purpose: fc.constantFrom('backup' as const, 'restore' as const, 'copy' as const),
    runId: uuid,
    repositoryId: uuid,
    jobId: uuid,
    run,
  },
  { requiredKeys: ['purpose', 'runId', 'repositoryId', 'jobId'] },
);
const openOfZone = fc.record({
  purpose: fc.constant('copy' as const),
  runId: uuid,
  repositoryId: uuid,
  jobId: uuid,
  zone: fc.record({ id: uuid, dedupSecret: id32 }),
});
const opened = fc.record(
  {
    repositoryId: uuid,
    zone: id16,
    window: fc.integer({ min: 1, max: 0xffffffff }),
    chunkSecret: id32,
    committed: id32,
    previous: fc.record({ hash: id32, sequence: u64 }),
  },
  { requiredKeys: ['repositoryId', 'zone', 'window'] },
);

interface Codec {
  values: fc.Arbitrary<unknown>;
  encode: (value: never) => Buffer[];
  decode: (payload: Buffer) => unknown;
}

/** Binds a codec to what it is to be tried with, types checked at each entry. */
function codec<T>(values: fc.Arbitrary<T>, encode: (value: T) => Buffer[], decode: (payload: Buffer) => T): Codec {
  return { values, encode, decode };
}

const CODECS: Record<keyof typeof wire.MESSAGE, Codec> = {
  open: codec(fc.oneof(open, openOfZone) as fc.Arbitrary<wire.Open>, wire.encodeOpen, wire.decodeOpen),
  opened: codec(opened as fc.Arbitrary<wire.Opened>, wire.encodeOpened, wire.decodeOpened),
  ask: codec(fc.record({ request: u32, ids }), wire.encodeAsk, wire.decodeAsk),
  answer: codec(
    fc.record({ request: u32, answers: fc.array(presence, { maxLength: 30 }) }),
    wire.encodeAnswer,
    wire.decodeAnswer,
  ),
  chunk: codec(fc.oneof(plainChunk, bundleChunk), wire.encodeChunk, wire.decodeChunk),
  ack: codec(u64, wire.encodeAck, wire.decodeAck),
  references: codec(ids, wire.encodeReferences, wire.decodeReferences),
  referencesEnd: codec(fc.record({ count: u64, hash: id32 }), wire.encodeReferencesEnd, wire.decodeReferencesEnd),
  runs: codec(fc.record({ runs: fc.array(run, { maxLength: 10 }), missing: u64 }), wire.encodeRuns, wire.decodeRuns),
  commit: codec(body, wire.encodeCommit, wire.decodeCommit),
  committed: codec(
    fc.record({ pointId: uuid, hash: id32, receivedAt: u64 }),
    wire.encodeCommitted,
    wire.decodeCommitted,
  ),
  readPoint: codec(fc.oneof(uuid, fc.constant('latest')), wire.encodeReadPoint, wire.decodeReadPoint),
  point: codec(body, wire.encodePoint, wire.decodePoint),
  listPoints: codec(
    fc.constant(undefined),
    wire.encodeListPoints,
    (payload) => wire.decodeListPoints(payload) as undefined,
  ),
  points: codec(fc.array(summary, { maxLength: 10 }), wire.encodePoints, wire.decodePoints),
  fetch: codec(fc.record({ request: u32, ids }), wire.encodeFetch, wire.decodeFetch),
  fetched: codec(fc.record({ request: u32, id: id32, type, body }), wire.encodeFetched, wire.decodeFetched),
  fetchFailed: codec(fc.record({ request: u32, id: id32, failure }), wire.encodeFetchFailed, wire.decodeFetchFailed),
  refused: codec(failure, wire.encodeRefused, wire.decodeRefused),
};

interface Damage {
  at: number;
  byte: number;
  cut: number;
  tail: Uint8Array;
}

/** Without the null prototypes that fast-check gives its records. */
function plain(value: unknown): unknown {
  return structuredClone(value);
}

/** True when the decoder accepts the bytes or refuses them with a failure of the protocol; anything else is thrown. */
function acceptsOrRefuses(decode: Codec['decode'], payload: Buffer): boolean {
  try {
    decode(payload);
    return true;
  } catch (thrown) {
    if (!(thrown instanceof Failure)) throw thrown;
    return thrown.code === 'protocol-violation' || thrown.code === 'version-mismatch';
  }
}

function refused(payload: Buffer, decode: Codec['decode'], naming: RegExp): void {
  t.throws(() => decode(payload), { code: 'protocol-violation', kind: 'refused', message: naming });
}

for (const [name, { values, encode, decode }] of Object.entries(CODECS)) {
  t.test(`${name}: what was encoded is decoded again`, async (t) => {
    const same = (value: unknown) =>
      isDeepStrictEqual(plain(decode(Buffer.concat(encode(value as never)))), plain(value));
    t.doesNotThrow(() => fc.assert(fc.property(values, same), { numRuns: 50 }));
  });

  t.test(`${name}: random bytes are refused and never crash`, async (t) => {
    const bytes = fc.uint8Array({ maxLength: 400 });
    const survives = (random: Uint8Array) => acceptsOrRefuses(decode, Buffer.from(random));
    t.doesNotThrow(() => fc.assert(fc.property(bytes, survives), { numRuns: 300 }));
  });

  t.test(`${name}: cut off, lengthened or altered messages are refused and never crash`, async (t) => {
    const damage = fc.record({
      at: fc.nat(),
      byte: fc.nat({ max: 255 }),
      cut: fc.nat(),
      tail: fc.uint8Array({ maxLength: 40 }),
    });
    const survives = (value: unknown, { at, byte, cut, tail }: Damage) => {
      const payload = Buffer.concat([...encode(value as never), Buffer.from(tail)]);
      if (payload.length > 0) payload[at % payload.length] = byte;
      return acceptsOrRefuses(decode, payload.subarray(0, payload.length - (cut % (payload.length + 1))));
    };
    t.doesNotThrow(() => fc.assert(fc.property(values, damage, survives), { numRuns: 100 }));
  });
}

t.test('the body of a chunk is passed on without a copy, both ways', async (t) => {
  const chunk = {
    sequence: 1,
    type: 1 as const,
    id: Buffer.alloc(32, 1),
    members: Buffer.alloc(0),
    body: Buffer.alloc(1000, 7),
  };
  t.equal(wire.encodeChunk(chunk).at(-1), chunk.body);
  const payload = Buffer.concat(wire.encodeChunk(chunk));
  t.equal(wire.decodeChunk(payload).body.buffer, payload.buffer);
  t.equal(wire.encodeFetched({ request: 1, id: chunk.id, type: 1, body: chunk.body }).at(-1), chunk.body);
});

t.test('lists longer than their limits are refused by name', async () => {
  const long = (count: number) => Buffer.alloc(4 + count * 32);
  refused(long(wire.MAX_ASK_IDS + 1), wire.decodeAsk, /ASK.*4097 ids/);
  refused(long(wire.MAX_ASK_IDS + 1), wire.decodeFetch, /FETCH.*4097 ids/);
  refused(long(0), wire.decodeAsk, /ASK.*0 ids/);
  refused(Buffer.alloc((wire.MAX_REFERENCE_IDS + 1) * 32), wire.decodeReferences, /REFERENCES/);
  refused(Buffer.alloc(4 + wire.MAX_ASK_IDS + 1), wire.decodeAnswer, /ANSWER/);
  refused(Buffer.alloc(8 + (wire.MAX_RUNS + 1) * 68), wire.decodeRuns, /RUNS/);
  refused(Buffer.alloc((wire.MAX_POINTS + 1) * 105), wire.decodePoints, /POINTS/);
  refused(Buffer.alloc(wire.MAX_MANIFEST + 1), wire.decodeCommit, /COMMIT/);
});

t.test(
  'a chunk without a body, of an unknown type, with unknown flags or with members of its own is refused',
  async () => {
    const chunk = { sequence: 1, type: 1 as const, id: Buffer.alloc(32), members: Buffer.alloc(0), body: Buffer.of(1) };
    const altered = (at: number, byte: number) => {
      const payload = Buffer.concat(wire.encodeChunk(chunk));
      payload[at] = byte;
      return payload;
    };
    refused(Buffer.concat(wire.encodeChunk({ ...chunk, body: Buffer.alloc(0) })), wire.decodeChunk, /CHUNK.*no body/);
    refused(altered(8, 7), wire.decodeChunk, /CHUNK.*type 7/);
    refused(altered(9, 1), wire.decodeChunk, /CHUNK.*flag/);
    refused(altered(42, 255), wire.decodeChunk, /CHUNK.*members/);
    refused(
      Buffer.concat(wire.encodeChunk({ ...chunk, members: Buffer.alloc(32) })),
      wire.decodeChunk,
      /CHUNK.*only a bundle has members/,
    );
    refused(
      Buffer.concat(wire.encodeChunk({ ...chunk, body: Buffer.alloc(wire.MAX_CHUNK_BODY + 1) })),
      wire.decodeChunk,
      /CHUNK.*more than/,
    );
  },
);

t.test('a number beyond the integers of a double is refused', async () => {
  refused(Buffer.alloc(8, 0xff), wire.decodeAck, /ACK.*2\^53/);
});

t.test('a peer of another protocol version is told so', async (t) => {
  const [payload = Buffer.alloc(0)] = wire.encodeOpen({
    purpose: 'backup',
    runId: '00000000-0000-4000-8000-000000000001',
    repositoryId: '00000000-0000-4000-8000-000000000002',
    jobId: '00000000-0000-4000-8000-000000000003',
  });
  payload.writeUInt16BE(2);
  t.throws(() => wire.decodeOpen(payload), { code: 'version-mismatch', kind: 'refused', message: /protocol 2/ });
});

t.test('a failure keeps its kind and code, is shortened when long, and cannot steer a terminal', async (t) => {
  const long = new Failure('chunk-damaged', 'corrupt', `\u001b[2J${'ü'.repeat(5000)}`, { advice: 'Run verify.' });
  const read = wire.decodeRefused(Buffer.concat(wire.encodeRefused(long)));
  t.match(read, { code: 'chunk-damaged', kind: 'corrupt', advice: 'Run verify.' });
  t.equal(read.message.length, 2000);
  t.notMatch(read.message, /\p{Cc}/u);
});

t.test('the largest chunk fits into one message', async (t) => {
  const members = Buffer.alloc(wire.MAX_MEMBERS * 32);
  const body = Buffer.alloc(wire.MAX_CHUNK_BODY);
  const parts = wire.encodeChunk({ sequence: 1, type: 6, id: Buffer.alloc(32), members, body });
  t.ok(parts.reduce((sum, part) => sum + part.length, 0) <= wire.MAX_PAYLOAD);
});

t.test('every message has its name for logs', async (t) => {
  t.equal(wire.messageName(wire.MESSAGE.fetchFailed), 'FETCH_FAILED');
  t.equal(wire.messageName(wire.MESSAGE.ask), 'ASK');
  t.equal(wire.messageName(200), 'message 200');
});
