import { randomBytes, randomUUID } from 'node:crypto';
import {
  decodeAck,
  decodeAnswer,
  decodeAsk,
  decodeChunk,
  decodeCommit,
  decodeCommitted,
  decodeFetch,
  decodeFetched,
  decodeFetchFailed,
  decodeListPoints,
  decodeOpen,
  decodeOpened,
  decodePoint,
  decodePoints,
  decodeReadPoint,
  decodeReferences,
  decodeReferencesEnd,
  decodeRefused,
  decodeRuns,
  encodeAck,
  encodeAnswer,
  encodeAsk,
  encodeChunk,
  encodeCommit,
  encodeCommitted,
  encodeFetch,
  encodeFetched,
  encodeFetchFailed,
  encodeListPoints,
  encodeOpen,
  encodeOpened,
  encodePoint,
  encodePoints,
  encodeReadPoint,
  encodeReferences,
  encodeReferencesEnd,
  encodeRefused,
  encodeRuns,
} from '@sealift/wire';
import t from 'tap';
import { checkFields, decodeFrame, isMethod } from '../../packages/wire/src/control/frame.ts';
import { encodeMessage } from '../../packages/wire/src/control/msgpack.ts';
import { fuzz } from './mutations.ts';

const id = () => randomBytes(32);
const uuid = () => randomUUID();
const run = { runSalt: id(), epoch: 1, commitment: id() };
const failure = { code: 'x', kind: 'retry', message: 'it went wrong', advice: 'try again' } as const;
const members = Buffer.concat([id(), id()]);
const body = randomBytes(100);
const previous = { hash: id(), sequence: 4 };
const summary = {
  pointId: uuid(),
  jobId: uuid(),
  sourceId: uuid(),
  sequence: 1,
  createdAt: 1,
  receivedAt: 2,
  hash: id(),
};

const MESSAGES: Record<string, [samples: Buffer[][], decode: (payload: Buffer) => unknown]> = {
  OPEN: [
    [
      encodeOpen({ purpose: 'backup', runId: uuid(), repositoryId: uuid(), jobId: uuid(), run }),
      encodeOpen({ purpose: 'restore', runId: uuid(), repositoryId: uuid(), jobId: uuid() }),
    ],
    decodeOpen,
  ],
  OPENED: [
    [
      encodeOpened({
        repositoryId: uuid(),
        zone: randomBytes(16),
        chunkSecret: id(),
        window: 9,
        committed: id(),
        previous,
      }),
    ],
    decodeOpened,
  ],
  ASK: [[encodeAsk({ request: 1, ids: members })], decodeAsk],
  ANSWER: [
    [
      encodeAnswer({
        request: 1,
        answers: [{ state: 'missing' }, { state: 'chunk' }, { state: 'member', bundle: id(), ordinal: 2 }],
      }),
    ],
    decodeAnswer,
  ],
  CHUNK: [
    [
      encodeChunk({ sequence: 1, type: 1, id: id(), members: Buffer.alloc(0), body }),
      encodeChunk({ sequence: 2, type: 6, id: id(), members, body }),
    ],
    decodeChunk,
  ],
  ACK: [[encodeAck(7)], decodeAck],
  REFERENCES: [[encodeReferences(members)], decodeReferences],
  REFERENCES_END: [[encodeReferencesEnd({ count: 2, hash: id() })], decodeReferencesEnd],
  RUNS: [[encodeRuns({ runs: [run, run], missing: 0 })], decodeRuns],
  COMMIT: [[encodeCommit(body)], decodeCommit],
  COMMITTED: [[encodeCommitted({ pointId: uuid(), hash: id(), receivedAt: 3 })], decodeCommitted],
  READ_POINT: [[encodeReadPoint('latest'), encodeReadPoint(uuid())], decodeReadPoint],
  POINT: [[encodePoint(body)], decodePoint],
  LIST_POINTS: [[encodeListPoints()], decodeListPoints],
  POINTS: [
    [
      encodePoints([
        { ...summary, mode: 'in-flight' },
        { ...summary, mode: 'source-side' },
      ]),
    ],
    decodePoints,
  ],
  FETCH: [[encodeFetch({ request: 1, ids: members })], decodeFetch],
  FETCHED: [[encodeFetched({ request: 1, id: id(), type: 1, body })], decodeFetched],
  FETCH_FAILED: [[encodeFetchFailed({ request: 1, id: id(), failure })], decodeFetchFailed],
  REFUSED: [[encodeRefused(failure)], decodeRefused],
};

for (const [name, [samples, decode]] of Object.entries(MESSAGES)) {
  t.test(`data message ${name}`, async (t) => {
    await fuzz(
      t,
      samples.map((parts) => Buffer.concat(parts)),
      decode,
    );
  });
}

t.test('control messages, up to the fields of the method they call', async (t) => {
  const taskId = uuid();
  const calls = {
    hello: { version: '1', role: 'target', dataUrl: 'wss://x:1', tasks: [{ taskId, state: 'running' }] },
    'task.ticket': { taskId },
    'task.keys': { taskId, publicKey: randomBytes(1216), runs: [{ runSalt: id(), epoch: 1 }], descriptor: body },
    'trust.revoked': { serials: ['AB12', 'CD34'] },
    'certificate.renew': { request: 'PEM' },
    'point.sample': {
      taskId,
      jobId: uuid(),
      pointId: uuid(),
      repositoryId: uuid(),
      mode: 'in-flight',
      hash: id(),
      files: 3,
    },
  };
  const samples = Object.entries(calls).map(([method, params]) => encodeMessage({ id: 7, method, params }));
  samples.push(encodeMessage({ id: 7, result: { taskId } }), encodeMessage({ id: 7, failure }));
  await fuzz(t, samples, (bytes) => {
    const frame = decodeFrame(bytes);
    if (frame.kind === 'request' && isMethod(frame.method)) checkFields(frame.method, 'params', frame.params);
  });
});
