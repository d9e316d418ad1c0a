import { createPrivateKey, createPublicKey, decapsulate, encapsulate, sign } from 'node:crypto';
import { readFileSync } from 'node:fs';
import t from 'tap';
import { sealChunkWith } from '../src/chunk.ts';
import { chunkId, chunkKeysFromSecret, openChunk } from '../src/index.ts';
import { deriveRunKey, domainKeys } from '../src/keys.ts';
import { hashPassword } from '../src/password.ts';
import {
  argon2id,
  ed25519Verify,
  gcmOpen,
  gcmOpenJoined,
  gcmOpenParts,
  gcmSeal,
  hkdf,
  hkdfExpand,
  hmacSha256,
  sha256,
} from '../src/primitives.ts';
import { createXWingKeyPair, xWingDecapsulate, xWingEncapsulate, xWingKeyPairFromSeed } from '../src/x-wing.ts';

// biome-ignore lint/suspicious/noExplicitAny: the shape of each vector file is its own
function vectors(name: string): any {
  return JSON.parse(readFileSync(new URL(`../vectors/${name}.json`, import.meta.url), 'utf8'));
}

function hex(text: string): Buffer {
  return Buffer.from(text, 'hex');
}

t.test('the key hierarchy and the sealed chunk give the bytes of the format', async (t) => {
  const v = vectors('sealift');
  const kdf = { name: 'argon2id', memoryKiB: v.memoryKiB, passes: v.passes, lanes: v.lanes } as const;
  const passwordHash = await hashPassword(v.password, hex(v.salt), kdf);
  t.equal(passwordHash.toString('hex'), v.passwordHash);
  const domain = domainKeys(passwordHash, hex(v.domainId), v.epoch);
  t.equal(domain.checkValue.toString('hex'), v.checkValue);
  const { idKey } = chunkKeysFromSecret(hex(v.dedupSecret));
  t.equal(idKey.export().toString('hex'), v.idKey);
  const run = deriveRunKey(domain.domainKey, { domainId: hex(v.domainId), epoch: v.epoch, runSalt: hex(v.runSalt) });
  t.equal(run.key.export().toString('hex'), v.runKey);
  t.equal(run.commitment.toString('hex'), v.runCommitment);
  const plaintext = Buffer.from(v.plaintext);
  const id = chunkId(idKey, v.type, plaintext);
  t.equal(id.toString('hex'), v.chunkId);
  const part = { type: v.type, id, codec: v.codec, plaintextLength: plaintext.length, compressed: plaintext };
  const chunk = sealChunkWith(run, part, hex(v.random));
  t.equal(chunk.length, v.chunkLength);
  t.equal(chunk.toString('hex'), v.chunk);
  t.equal(sha256(chunk).toString('hex'), v.chunkSha256);
  t.ok(openChunk(hex(v.chunk), { type: v.type, id, idKey, runKey: () => run }).equals(plaintext));
});

t.test('Argon2id agrees with RFC 9106', async (t) => {
  const v = vectors('argon2id');
  const extra = { secret: hex(v.secret), associatedData: hex(v.associatedData) };
  t.equal((await argon2id(hex(v.password), hex(v.salt), v, extra)).toString('hex'), v.tag);
});

t.test('HKDF-SHA-256 agrees with RFC 5869', async (t) => {
  for (const v of vectors('hkdf-sha256').tests) {
    t.equal(hkdf(hex(v.ikm), hex(v.salt), hex(v.info), v.length).toString('hex'), v.okm);
    t.equal(hmacSha256(hex(v.salt), hex(v.ikm)).toString('hex'), v.prk);
    t.equal(hkdfExpand(hex(v.prk), hex(v.info)).toString('hex'), v.okm.slice(0, 64));
  }
});

t.test('Ed25519 agrees with all vectors of RFC 8032', async (t) => {
  const { tests } = vectors('ed25519');
  t.equal(tests.length, 5);
  for (const v of tests) {
    const pkcs8 = Buffer.concat([hex('302e020100300506032b657004220420'), hex(v.secretKey)]);
    const privateKey = createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' });
    const publicKey = createPublicKey(privateKey);
    t.equal(publicKey.export({ format: 'der', type: 'spki' }).subarray(-32).toString('hex'), v.publicKey);
    t.equal(sign(null, hex(v.message), privateKey).toString('hex'), v.signature);
    t.ok(ed25519Verify(publicKey, hex(v.message), hex(v.signature)));
    t.notOk(ed25519Verify(publicKey, Buffer.concat([hex(v.message), Buffer.from([0])]), hex(v.signature)));
  }
});

t.test('AES-256-GCM agrees with Wycheproof, and refuses every modified tag', async (t) => {
  const { tests } = vectors('aes-256-gcm');
  t.equal(tests.length, 66);
  for (const v of tests) {
    const [key, nonce, aad, message] = [hex(v.key), hex(v.iv), hex(v.aad), hex(v.msg)];
    const opened = gcmOpen(key, nonce, aad, Buffer.concat([hex(v.ct), hex(v.tag)]));
    if (v.result === 'valid') {
      t.equal(gcmSeal(key, nonce, aad, message).toString('hex'), v.ct + v.tag, `test ${v.tcId}`);
      t.ok(opened?.equals(message), `test ${v.tcId}`);
    } else {
      t.equal(opened, undefined, `test ${v.tcId}`);
    }
  }
});

function gcmVector(v: Record<'key' | 'iv' | 'aad' | 'msg' | 'ct' | 'tag', string>) {
  const [key, nonce, aad, message] = [hex(v.key), hex(v.iv), hex(v.aad), hex(v.msg)];
  const joined = () => gcmOpenJoined({ key, nonce, aad, tag: hex(v.tag) }, [hex(v.ct)], message.length);
  return {
    seal: () => gcmSeal(key, nonce, aad, message).toString('hex'),
    opened: [gcmOpen(key, nonce, aad, hex(v.ct + v.tag)), joined()].map((bytes) => bytes?.toString('hex')),
  };
}

t.test('AES-256-GCM agrees with all of an earlier Wycheproof, but takes nonces of 12 bytes only', async (t) => {
  const { groups } = vectors('aes-256-gcm-nonces');
  const [standard, ...others] = groups;
  t.same([standard.ivSize, standard.tests.length], [96, 48]);
  for (const v of standard.tests) {
    const { seal, opened } = gcmVector(v);
    const valid = v.result === 'valid';
    t.same(opened, Array(2).fill(valid ? v.msg : undefined), `test ${v.tcId}`);
    if (valid) t.equal(seal(), v.ct + v.tag, `test ${v.tcId}`);
  }
  const refused = others.flatMap(({ tests }: { tests: Parameters<typeof gcmVector>[0][] }) => tests);
  t.equal(refused.length, 37, 'from 0 to 2056 bits');
  for (const v of refused) {
    const { seal, opened } = gcmVector(v);
    t.same(opened, [undefined, undefined], `test ${v.tcId}`);
    t.throws(seal, RangeError, `test ${v.tcId}`);
  }
});

t.test('a GCM tag cut to 4 bytes is refused although its bytes are right', async (t) => {
  const [v] = vectors('aes-256-gcm').tests;
  const opening = { key: hex(v.key), nonce: hex(v.iv), aad: hex(v.aad) };
  t.ok(gcmOpenParts({ ...opening, tag: hex(v.tag) }, [hex(v.ct)]));
  for (const length of [0, 4, 8, 12, 15]) {
    t.equal(gcmOpenParts({ ...opening, tag: hex(v.tag).subarray(0, length) }, [hex(v.ct)]), undefined);
  }
});

t.test('X-Wing agrees with all vectors of its draft: seed expansion, public key, decapsulation', async (t) => {
  const { tests } = vectors('x-wing');
  t.equal(tests.length, 3);
  for (const v of tests) {
    const pair = xWingKeyPairFromSeed(hex(v.seed));
    t.equal(pair.publicKey.toString('hex'), v.publicKey);
    t.equal(xWingDecapsulate(pair, hex(v.ciphertext)).toString('hex'), v.sharedSecret);
  }
});

t.test('what X-Wing encapsulates is decapsulated, and a forged ciphertext gives another secret', async (t) => {
  const pair = createXWingKeyPair();
  const { sharedSecret, ciphertext } = xWingEncapsulate(pair.publicKey);
  t.equal(ciphertext.length, 1120);
  t.ok(xWingDecapsulate(pair, ciphertext).equals(sharedSecret));
  for (const position of [0, 1087, 1088, 1119]) {
    const forged = Buffer.from(ciphertext);
    forged.writeUInt8(forged.readUInt8(position) ^ 1, position);
    t.notOk(xWingDecapsulate(pair, forged).equals(sharedSecret), `byte ${position}`);
  }
});

t.test(
  'ML-KEM-768 agrees with Wycheproof: key generation, and implicit rejection of a strange ciphertext',
  async (t) => {
    const v = vectors('ml-kem-768');
    // RFC 9935: a private key as its 64-byte seed.
    const pkcs8 = Buffer.concat([hex('3054020100300b060960864801650304040204428040'), hex(v.seed)]);
    const key = createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' });
    const spki = createPublicKey(key).export({ format: 'der', type: 'spki' });
    t.equal(spki.subarray(-1184).toString('hex'), v.ek);
    t.equal(decapsulate(key, hex(v.c)).toString('hex'), v.K);
    const { sharedKey, ciphertext } = encapsulate(createPublicKey(key));
    t.ok(decapsulate(key, ciphertext).equals(sharedKey));
  },
);
