import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import t from 'tap';
import { chunkKeysFromSecret, createTaskKeyPair, openTaskKeys, sealTaskKeys, type TaskKeys } from '../src/index.ts';
import { deriveRunKey } from '../src/keys.ts';
import { secretKey } from '../src/primitives.ts';
import { codeOf, flip } from './fixtures.ts';

const domainId = randomBytes(16);
const context = Buffer.from('task 1');

function keysOf(runs: number): TaskKeys {
  const domainKey = secretKey(randomBytes(32));
  return {
    domainId,
    ...chunkKeysFromSecret(randomBytes(32)),
    runs: Array.from({ length: runs }, (_, n) =>
      deriveRunKey(domainKey, { domainId, epoch: n + 1, runSalt: randomBytes(32) }),
    ),
  };
}

t.test('a task receives the keys that were sealed to it', async (t) => {
  const pair = createTaskKeyPair();
  const keys = keysOf(3);
  const sealed = sealTaskKeys(pair.publicKey, keys, context);
  const opened = openTaskKeys(pair, sealed, context);
  t.same(opened.domainId, domainId);
  t.ok(opened.idKey.equals(keys.idKey));
  t.ok(opened.cutKey.equals(keys.cutKey));
  t.same(
    opened.runs.map(({ runSalt, epoch, commitment }) => ({ runSalt, epoch, commitment })),
    keys.runs.map(({ runSalt, epoch, commitment }) => ({ runSalt, epoch, commitment })),
  );
  t.ok(opened.runs.every((run, n) => run.key.equals(keys.runs[n]?.key as never)));
});

t.test('another task, another context and every altered byte get nothing', async () => {
  const pair = createTaskKeyPair();
  const sealed = sealTaskKeys(pair.publicKey, keysOf(1), context);
  const refused = (attempt: () => unknown) => ['task-keys-damaged', 'key-invalid'].includes(codeOf(attempt));
  fc.assert(
    fc.property(fc.nat({ max: sealed.length - 1 }), fc.integer({ min: 1, max: 255 }), (position, mask) =>
      refused(() => openTaskKeys(pair, flip(sealed, position, mask), context)),
    ),
    { numRuns: 150 },
  );
  t.ok(refused(() => openTaskKeys(pair, sealed, Buffer.from('task 2'))));
  t.ok(refused(() => openTaskKeys(createTaskKeyPair(), sealed, context)));
  for (const length of [0, 1119, 1120, 1136]) {
    t.ok(refused(() => openTaskKeys(pair, sealed.subarray(0, length), context)));
  }
});

t.test('a public key of the wrong form is refused', async (t) => {
  const { publicKey } = createTaskKeyPair();
  const keys = keysOf(1);
  t.equal(
    codeOf(() => sealTaskKeys(publicKey.subarray(1), keys, context)),
    'key-invalid',
  );
  t.equal(
    codeOf(() => sealTaskKeys(Buffer.alloc(1216, 0xff), keys, context)),
    'key-invalid',
  );
  const smallOrder = Buffer.concat([publicKey.subarray(0, 1184), Buffer.alloc(32)]);
  t.equal(
    codeOf(() => sealTaskKeys(smallOrder, keys, context)),
    'key-invalid',
  );
});
