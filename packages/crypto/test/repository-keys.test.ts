import { randomBytes } from 'node:crypto';
import t from 'tap';
import {
  CHUNK_TYPE,
  chunkId,
  chunkKeysFromSecret,
  compress,
  createMasterKey,
  createTaskKeyPair,
  encodeInner,
  masterKeyMac,
  openInner,
  openMasterKey,
  openSecret,
  parseCompression,
  repositoryRunKey,
  sealInner,
  sealMasterKey,
  sealSecret,
  slotCheckValue,
  slotKeyFromPassword,
  slotPublicKey,
  unsealChunk,
  unwrapUnderMaster,
  wrapUnderMaster,
} from '../src/index.ts';
import { codeOf, flip } from './fixtures.ts';

const CHEAP = { name: 'argon2id', memoryKiB: 64 * 1024, passes: 3, lanes: 4 } as const;
const masterKey = createMasterKey();
const repositoryId = randomBytes(16);
const header = Buffer.from('what the table says of the slot');

t.test('a master key sealed to a slot opens with its key and its own header, and with nothing else', async (t) => {
  const salt = randomBytes(32);
  const slotKey = await slotKeyFromPassword('of the vault', { salt, kdf: CHEAP });
  const wrapped = sealMasterKey(slotPublicKey(slotKey), masterKey, header);
  t.ok(openMasterKey(slotKey, wrapped, header)?.equals(masterKey));
  const other = await slotKeyFromPassword('of the vaulu', { salt, kdf: CHEAP });
  t.equal(openMasterKey(other, wrapped, header), undefined);
  t.equal(openMasterKey(slotKey, wrapped, Buffer.from('another slot')), undefined);
  for (let at = 0; at < wrapped.length; at += 7) t.equal(openMasterKey(slotKey, flip(wrapped, at), header), undefined);
  t.equal(openMasterKey(slotKey, wrapped.subarray(1), header), undefined);
  const slotId = randomBytes(16);
  t.notOk(slotCheckValue(slotKey, slotId).equals(slotCheckValue(other, slotId)));
  t.notOk(slotCheckValue(slotKey, slotId).equals(slotCheckValue(slotKey, randomBytes(16))));
});

t.test('what is wrapped under a master key opens for its purpose, repository and epoch only', async (t) => {
  const secret = randomBytes(32);
  const context = { purpose: 'dedup-secret', repositoryId, epoch: 1 };
  const wrapped = wrapUnderMaster(masterKey, secret, context);
  t.ok(unwrapUnderMaster(masterKey, wrapped, context)?.equals(secret));
  for (const change of [{ purpose: 'master' }, { repositoryId: randomBytes(16) }, { epoch: 2 }]) {
    t.equal(unwrapUnderMaster(masterKey, wrapped, { ...context, ...change }), undefined);
  }
  t.equal(unwrapUnderMaster(createMasterKey(), wrapped, context), undefined);
  t.notOk(masterKeyMac(masterKey, header).equals(masterKeyMac(createMasterKey(), header)));
});

t.test('a verified inner sealed at rest gives the same inner back, and a tampered one does not', async (t) => {
  const { idKey } = chunkKeysFromSecret(randomBytes(32));
  const plaintext = Buffer.from('the same line again and again\n'.repeat(5000));
  const id = chunkId(idKey, CHUNK_TYPE.data, plaintext);
  const { codec, bytes } = compress(plaintext, parseCompression('zstd:1'));
  const inner = encodeInner({ codec, plaintextLength: plaintext.length, compressed: bytes, padding: 'none' });
  const run = repositoryRunKey(masterKey, { repositoryId, epoch: 1, runSalt: randomBytes(32) });
  const sealed = sealInner(run, { type: CHUNK_TYPE.data, id }, inner);
  const want = { type: CHUNK_TYPE.data, id, runKey: () => run };
  const back = unsealChunk(sealed, want);
  t.ok(back.equals(inner));
  t.ok(openInner(back, { ...want, idKey }).equals(plaintext));
  for (const at of [0, 6, 10, 40, 70, 90, 112, sealed.length - 1]) {
    t.not(
      codeOf(() => unsealChunk(flip(sealed, at), want)),
      'no failure',
      `byte ${at}`,
    );
  }
  const stranger = repositoryRunKey(createMasterKey(), { repositoryId, epoch: 1, runSalt: run.runSalt });
  t.equal(
    codeOf(() => unsealChunk(sealed, { ...want, runKey: () => stranger })),
    'chunk-damaged',
  );
});

t.test('a secret sent to one key pair opens with that pair, in that context, unchanged', async (t) => {
  const pair = createTaskKeyPair();
  const secret = randomBytes(32);
  const context = Buffer.from('challenge 1');
  const sealed = sealSecret(pair.publicKey, secret, context);
  t.ok(openSecret(pair, sealed, context).equals(secret));
  const wrong: (() => unknown)[] = [
    () => openSecret(createTaskKeyPair(), sealed, context),
    () => openSecret(pair, sealed, Buffer.from('challenge 2')),
    () => openSecret(pair, flip(sealed, sealed.length - 1), context),
    () => openSecret(pair, flip(sealed, 3), context),
    () => openSecret(pair, sealed.subarray(0, 100), context),
  ];
  for (const attempt of wrong) t.equal(codeOf(attempt), 'task-keys-damaged');
  t.equal(
    codeOf(() => sealSecret(pair.publicKey, randomBytes(31), context)),
    'limit-exceeded',
  );
});
