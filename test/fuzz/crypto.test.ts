import { createHash, randomBytes, randomUUID } from 'node:crypto';
import {
  CHUNK_TYPE,
  chunkId,
  chunkKeysFromSecret,
  compress,
  createDomain,
  createEnrolmentToken,
  createTicketKey,
  decodeBundle,
  describeDomain,
  encodeBundle,
  encodeInner,
  openChunk,
  openDomain,
  openInner,
  parseChunkHeader,
  parseCompression,
  parseEnrolmentToken,
  parseKmsAddress,
  readTicket,
  rotateDomain,
  sealChunk,
  signTicket,
  type TicketGrant,
  unsealChunk,
  verifyTicket,
} from '@sealift/crypto';
import t from 'tap';
import { fuzz } from './mutations.ts';

const CHEAP = { name: 'argon2id', memoryKiB: 64 * 1024, passes: 3, lanes: 4 } as const;
const { passwordHash, descriptor } = await createDomain('correct horse', CHEAP);
const rotated = await rotateDomain(passwordHash, descriptor, 'battery staple', CHEAP);
const domain = openDomain(passwordHash, descriptor);
const run = domain.newRun();
const { idKey } = chunkKeysFromSecret(randomBytes(32));
const plaintext = Buffer.from('the same words again and again '.repeat(60));
const id = chunkId(idKey, CHUNK_TYPE.data, plaintext);

function part(compression: string) {
  const { codec, bytes } = compress(plaintext, parseCompression(compression));
  return { codec, plaintextLength: plaintext.length, compressed: bytes };
}

const codecs = ['none', 'lz4', 'zstd:3'].map(part);
const inners = codecs.map((one) => encodeInner({ ...one, padding: 'none' }));
const chunks = codecs.map((one) => sealChunk(run, { type: CHUNK_TYPE.data, id, ...one }));
const want = { type: CHUNK_TYPE.data, id, idKey, runKey: () => run } as const;

t.test('domain descriptors', async (t) => fuzz(t, [descriptor, rotated.descriptor], describeDomain));
t.test('domain descriptors, opened with the right hash', async (t) => {
  await fuzz(t, [descriptor], (bytes) => openDomain(passwordHash, bytes));
});
t.test('headers of sealed chunks', async (t) => fuzz(t, chunks, parseChunkHeader));
t.test('sealed chunks, opened', async (t) => fuzz(t, chunks, (bytes) => openChunk(bytes, want)));
t.test('sealed chunks, unsealed', async (t) => fuzz(t, chunks, (bytes) => unsealChunk(bytes, want)));
t.test('inners in every codec', async (t) => fuzz(t, inners, (bytes) => openInner(bytes, want)));

t.test('bundles', async (t) => {
  const members = [1, 2, 3].map((n) => ({ id: randomBytes(32), contents: randomBytes(n * 20) }));
  await fuzz(t, [encodeBundle(members), encodeBundle([])], (bytes) => {
    const bundle = decodeBundle(bytes);
    for (let ordinal = 0; ordinal < bundle.count; ordinal++) bundle.contents(ordinal);
  });
});

t.test('tickets, read and verified', async (t) => {
  const { privateKey, publicKey } = createTicketKey();
  const now = new Date();
  const [sourceKeyHash, targetKeyHash] = [randomBytes(32), randomBytes(32)];
  const grant: TicketGrant = {
    jti: randomUUID(),
    issued: now.getTime(),
    expires: now.getTime() + 60_000,
    longestDuration: 1000,
    jobId: randomUUID(),
    runId: randomUUID(),
    sourceKeyHash,
    targetKeyHash,
    repositoryId: randomUUID(),
    mode: 'in-flight',
    rights: ['append'],
  };
  const tickets = [signTicket(privateKey, grant), signTicket(privateKey, { ...grant, lockFor: 5000 })];
  await fuzz(t, tickets, readTicket);
  await fuzz(t, tickets, (bytes) => verifyTicket(bytes, [publicKey], { sourceKeyHash, targetKeyHash, now }));
});

t.test('enrolment tokens', async (t) => {
  const pin = createHash('sha256').update('authority').digest('base64url');
  const samples = [createEnrolmentToken(pin), createEnrolmentToken(pin)].map(({ token }) => Buffer.from(token));
  await fuzz(t, samples, (bytes) => parseEnrolmentToken(bytes.toString('latin1')));
});

t.test('addresses of keys', async (t) => {
  const samples = [
    'file:/etc/master.key',
    'pkcs11:token=main;object=key?module-path=/m.so&pin-source=file:/pin',
    'vault:https://v:8200/transit/keys/sealift?token-file=/t&namespace=ops',
    'aws-kms:arn:aws:kms:eu-central-1:123456789012:key/ab-cd',
  ].map((text) => Buffer.from(text));
  await fuzz(t, samples, (bytes) => parseKmsAddress(bytes.toString('latin1')));
});
