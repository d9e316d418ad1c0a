import { randomBytes } from 'node:crypto';
import {
  createTaskKeyPair,
  openChunkKey,
  openPointKeys,
  openSecret,
  openTaskKeys,
  sealChunkKey,
  sealPointKeys,
  sealSecret,
  sealTaskKeys,
} from '@sealift/crypto';
import t from 'tap';
import { runKeyFrom } from '../../packages/crypto/src/keys.ts';
import { secretKey } from '../../packages/crypto/src/primitives.ts';
import { openMessage, sealMessage } from '../../packages/crypto/src/sealed-message.ts';
import { fuzz } from './mutations.ts';

/** An ML-KEM and an X25519 agreement each: about 0.4 ms an input, and three times that where it is sealed anew. */
const OPENED = 5000;
const SEALED_ANEW = 2000;

const pair = createTaskKeyPair();
const context = Buffer.from('one task');
const key = () => secretKey(randomBytes(32));
const domainId = randomBytes(16);
const run = () => runKeyFrom(key(), { domainId, epoch: 1, runSalt: randomBytes(32) });
const taskKeys = { domainId, idKey: key(), cutKey: key(), runs: [run(), run()] };
const pointKeys = { idKey: key(), manifestKey: key(), commitments: [randomBytes(32), randomBytes(32)] };

type Open = (sealed: Buffer) => unknown;
const KINDS: Record<string, { purpose: string; sealed: Buffer; open: Open }> = {
  'keys of tasks': {
    purpose: 'task-keys',
    sealed: sealTaskKeys(pair.publicKey, taskKeys, context),
    open: (bytes) => openTaskKeys(pair, bytes, context),
  },
  secrets: {
    purpose: 'secret',
    sealed: sealSecret(pair.publicKey, randomBytes(32), context),
    open: (bytes) => openSecret(pair, bytes, context),
  },
  'keys for a look into a recovery point': {
    purpose: 'point-keys',
    sealed: sealPointKeys(pair.publicKey, pointKeys, context),
    open: (bytes) => openPointKeys(pair, bytes, context),
  },
  'keys of chunks': {
    purpose: 'chunk-key',
    sealed: sealChunkKey(pair.publicKey, randomBytes(64), context),
    open: (bytes) => openChunkKey(pair, bytes, context),
  },
};

for (const [name, { purpose, sealed, open }] of Object.entries(KINDS)) {
  t.test(`${name}, changed on the way`, async (t) => fuzz(t, [sealed], open, OPENED));

  // The public half of the pair is known to who carries it: anyone can seal anything to it.
  t.test(`${name}, changed and sealed anew`, async (t) => {
    const plaintext = openMessage(pair, sealed, { purpose, context }) as Buffer;
    const reseal = (bytes: Buffer) => sealMessage(pair.publicKey, bytes, { purpose, context });
    await fuzz(t, [plaintext], (bytes) => open(reseal(bytes)), SEALED_ANEW);
  });
}
