import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import t from 'tap';
import { encodeDescriptor } from '../src/descriptor.ts';
import {
  createDomain,
  DEFAULT_KDF,
  derivePasswordHash,
  describeDomain,
  type KdfParameters,
  openDomain,
} from '../src/index.ts';
import { hashPassword } from '../src/password.ts';
import { hmacSha256, secretKey } from '../src/primitives.ts';
import { codeOf, codeOfAsync, flip } from './fixtures.ts';

const CHEAP: KdfParameters = { name: 'argon2id', memoryKiB: 64 * 1024, passes: 3, lanes: 4 };

const { passwordHash, descriptor } = await createDomain('correct horse', CHEAP);

t.test('a domain opens with its password alone, from the descriptor', async (t) => {
  const derived = await derivePasswordHash('correct horse', descriptor);
  t.ok(derived.equals(passwordHash));
  const [now, later] = [openDomain(passwordHash, descriptor), openDomain(derived, descriptor)];
  t.ok(now.chunkKeys.idKey.equals(later.chunkKeys.idKey));
  t.ok(now.chunkKeys.cutKey.equals(later.chunkKeys.cutKey));
  const run = now.newRun();
  t.same(later.runKey(run.runSalt, run.epoch).commitment, run.commitment);
  t.notOk(now.newRun().key.equals(run.key));
  t.equal(
    codeOf(() => now.runKey(run.runSalt, 2)),
    'epoch-mismatch',
  );
});

t.test('a wrong password is told from a damaged descriptor', async (t) => {
  const wrong = await derivePasswordHash('correct horsf', descriptor);
  t.equal(
    codeOf(() => openDomain(wrong, descriptor)),
    'wrong-password',
  );
  t.equal(
    codeOf(() => openDomain(passwordHash, flip(descriptor, 104))),
    'descriptor-damaged',
  );
  t.equal(
    codeOf(() => openDomain(passwordHash, flip(descriptor, descriptor.length - 1))),
    'descriptor-damaged',
  );
});

t.test('every flipped byte of a descriptor is refused', async (t) => {
  const codes = new Set<string>();
  for (let position = 0; position < descriptor.length; position++) {
    const code = codeOf(() => openDomain(passwordHash, flip(descriptor, position)));
    codes.add(code);
    if (code === 'no failure' || code.startsWith('not a')) t.fail(`byte ${position}: ${code}`);
  }
  t.notOk(codes.has('no failure'));
});

t.test('a password typed decomposed is the same password', async (t) => {
  const salt = Buffer.alloc(32, 7);
  const [composed, decomposed] = await Promise.all([
    hashPassword('pässwörd', salt, CHEAP),
    hashPassword('pässwörd'.normalize('NFD'), salt, CHEAP),
  ]);
  t.ok(composed.equals(decomposed));
});

t.test('cheap and ruinous Argon2id parameters are refused, when made and when read', async (t) => {
  const wrong: Partial<KdfParameters>[] = [
    { memoryKiB: 64 * 1024 - 1 },
    { memoryKiB: 2 * 1024 * 1024 + 1 },
    { passes: 2 },
    { passes: 11 },
    { lanes: 0 },
    { lanes: 17 },
    { passes: 3.5 },
  ];
  for (const change of wrong) {
    t.equal(await codeOfAsync(createDomain('x', { ...DEFAULT_KDF, ...change })), 'kdf-refused');
  }
  const downgraded = Buffer.from(descriptor);
  downgraded.writeUInt32BE(1024, 28);
  t.equal(await codeOfAsync(hashOf(downgraded)), 'kdf-refused');
});

async function hashOf(bytes: Buffer): Promise<Buffer> {
  return derivePasswordHash('x', bytes);
}

t.test('an empty or endless password is refused', async (t) => {
  for (const password of ['', 'x'.repeat(1025)]) {
    t.equal(await codeOfAsync(createDomain(password, CHEAP)), 'password-unusable');
  }
});

t.test('a descriptor with links to earlier epochs and KMS wraps reads back as it was written', async () => {
  const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length }).map((b) => Buffer.from(b));
  const text = fc.string({ minLength: 1, maxLength: 30 }).filter((s) => Buffer.byteLength(s) <= 32 && s.isWellFormed());
  const descriptors = fc.record({
    domainId: bytes(16),
    epoch: fc.integer({ min: 10, max: 2 ** 32 - 1 }),
    kdf: fc.constant(CHEAP),
    salt: bytes(32),
    checkValue: bytes(32),
    wrappedDedupSecret: bytes(60),
    previous: fc.array(bytes(60), { maxLength: 3 }),
    kmsWraps: fc.array(fc.record({ provider: text, keyRef: text, ciphertext: bytes(90) }), { maxLength: 3 }),
  });
  const macKey = secretKey(randomBytes(32));
  fc.assert(
    fc.property(descriptors, (given) => {
      const previous = given.previous.map((hash, i) => ({ epoch: given.epoch - i - 1, wrappedPasswordHash: hash }));
      const encoded = encodeDescriptor({ ...given, previous }, macKey);
      const again = encodeDescriptor(describeDomain(encoded), macKey);
      return again.equals(encoded) && hmacSha256(macKey, encoded.subarray(0, -32)).equals(encoded.subarray(-32));
    }),
    { numRuns: 50 },
  );
});

t.test('random and mutilated descriptors are refused, never a crash', async () => {
  const hostile = fc.oneof(
    fc.uint8Array({ maxLength: 400 }).map((b) => Buffer.from(b)),
    fc.nat({ max: descriptor.length - 1 }).map((length) => descriptor.subarray(0, length)),
    fc.uint8Array({ minLength: 1, maxLength: 90 }).map((more) => Buffer.concat([descriptor, more])),
  );
  fc.assert(fc.property(hostile, (bytes) => codeOf(() => describeDomain(bytes)) === 'descriptor-damaged'));
});
