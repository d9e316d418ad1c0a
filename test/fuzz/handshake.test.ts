import { randomBytes } from 'node:crypto';
import t from 'tap';
import {
  decodeFinish,
  decodeSourceHello,
  decodeTargetHello,
  encodeFinish,
  encodeSourceHello,
  encodeTargetHello,
  SUITE,
} from '../../packages/crypto/src/handshake/messages.ts';
import { secretKey } from '../../packages/crypto/src/primitives.ts';
import { createRecordOpener } from '../../packages/crypto/src/records/opener.ts';
import { createRecordSealer } from '../../packages/crypto/src/records/sealer.ts';
import { fuzz } from './mutations.ts';

const [nonce, certificate] = [randomBytes(32), randomBytes(400)];
const secret = secretKey(randomBytes(32));
/** An opener, and the keys of a stream, are made for each input. */
const RECORDS = 20_000;
/** Where a message is cut into the pieces in which it arrives: within the header of a record, and behind its tag. */
const CUTS = [20, 40];

t.test('hellos of a source', async (t) => {
  const hello = { nonce, publicKey: randomBytes(1216), ticket: randomBytes(251), certificate };
  const samples = [
    encodeSourceHello({ ...hello, suites: [SUITE] }),
    encodeSourceHello({ ...hello, suites: [7, SUITE] }),
  ];
  await fuzz(t, samples, decodeSourceHello);
});

t.test('hellos of a target', async (t) => {
  const hello = { suite: SUITE, nonce, ciphertext: randomBytes(1120), certificate };
  await fuzz(t, [encodeTargetHello(hello)], decodeTargetHello);
});

t.test('finishes of both sides', async (t) => {
  const finish = { signature: randomBytes(64), finished: randomBytes(32) };
  await fuzz(t, [encodeFinish(3, finish)], (bytes) => decodeFinish(3, bytes));
  await fuzz(t, [encodeFinish(4, finish)], (bytes) => decodeFinish(4, bytes));
});

/** What the other side sends first: a record with a body, one without, the end of a direction in which nothing was sent. */
function firstRecords(): Buffer[] {
  const sealer = () => createRecordSealer(secret, 'source');
  const records = [sealer().seal(1, 3, [randomBytes(200)]), sealer().seal(2, 0, []), sealer().end()];
  return records.map((pieces) => Buffer.concat(pieces));
}

t.test('records, the first that an opener sees', async (t) => {
  await fuzz(t, firstRecords(), (bytes) => createRecordOpener(secret, 'source').open(bytes), RECORDS);
});

t.test('records in pieces', async (t) => {
  for (const cut of CUTS) {
    const open = (bytes: Buffer) =>
      createRecordOpener(secret, 'source').open([bytes.subarray(0, cut), bytes.subarray(cut)]);
    await fuzz(t, firstRecords(), open, RECORDS);
  }
});

t.test('records behind one that was taken', async (t) => {
  const sealer = createRecordSealer(secret, 'target');
  const [first, second, end] = [sealer.seal(1, 1, [nonce]), sealer.seal(1, 1, [nonce]), sealer.end()].map((pieces) =>
    Buffer.concat(pieces),
  ) as [Buffer, Buffer, Buffer];
  const openBehind = (...before: Buffer[]) => {
    return (bytes: Buffer) => {
      const opener = createRecordOpener(secret, 'target');
      for (const record of [...before, bytes]) opener.open(record);
    };
  };
  await fuzz(t, [second], openBehind(first), RECORDS);
  await fuzz(t, [end], openBehind(first, second), RECORDS);
});
