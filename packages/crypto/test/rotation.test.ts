import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import t from 'tap';
import {
  createDomain,
  describeDomain,
  kmsWrapContext,
  masterKeyWrapper,
  openDomain,
  openWithKms,
  passwordMatches,
  rotateDomain,
  runsDigest,
  withKmsWraps,
} from '../src/index.ts';
import { codeOf, codeOfAsync, flip } from './fixtures.ts';

const CHEAP = { name: 'argon2id', memoryKiB: 64 * 1024, passes: 3, lanes: 4 } as const;

const first = await createDomain('first', CHEAP);
const second = await rotateDomain(first.passwordHash, first.descriptor, 'second', CHEAP);
const third = await rotateDomain(second.passwordHash, second.descriptor, 'third', CHEAP);

t.test('after two rotations the newest password opens runs of every epoch, and deduplication goes on', async (t) => {
  const [one, two, three] = [first, second, third].map((s) => openDomain(s.passwordHash, s.descriptor));
  t.same([one?.epoch, two?.epoch, three?.epoch], [1, 2, 3]);
  for (const domain of [one, two]) {
    const run = domain?.newRun();
    if (run === undefined || three === undefined) throw new Error('no domain');
    t.same(three.runKey(run.runSalt, run.epoch).commitment, run.commitment);
    t.ok(three.domainId.equals(run.domainId));
    t.ok(domain?.chunkKeys.idKey.equals(three.chunkKeys.idKey));
  }
  t.equal(
    codeOf(() => two?.runKey(randomBytes(32), 3)),
    'epoch-mismatch',
    'an earlier password opens no later run',
  );
});

t.test('an earlier password is not the present one, and is told apart from damage', async (t) => {
  t.equal(
    codeOf(() => openDomain(first.passwordHash, third.descriptor)),
    'wrong-password',
  );
  t.equal(await passwordMatches('second', third.descriptor), undefined);
  t.ok((await passwordMatches('second', second.descriptor))?.equals(second.passwordHash));
});

t.test('a link that was changed, moved or reordered is refused', async (t) => {
  for (const at of [164, 170, 200, 164 + 64, 164 + 100]) {
    t.equal(
      codeOf(() => openDomain(third.passwordHash, flip(third.descriptor, at))),
      'descriptor-damaged',
      `byte ${at}`,
    );
  }
  const reordered = Buffer.from(third.descriptor);
  reordered.set(third.descriptor.subarray(164 + 64, 164 + 128), 164);
  reordered.set(third.descriptor.subarray(164, 164 + 64), 164 + 64);
  t.equal(
    codeOf(() => describeDomain(reordered)),
    'descriptor-damaged',
  );
});

t.test('a domain that was made anew after a compromise has nothing of the old one', async (t) => {
  const fresh = await createDomain('second', CHEAP);
  const [old, made] = [
    openDomain(second.passwordHash, second.descriptor),
    openDomain(fresh.passwordHash, fresh.descriptor),
  ];
  t.notOk(old.domainId.equals(made.domainId));
  t.notOk(old.chunkKeys.idKey.equals(made.chunkKeys.idKey));
  t.same(describeDomain(fresh.descriptor).previous, []);
});

t.test(
  'a KMS wrap in the descriptor opens the domain without a password, through the service that made it only',
  async (t) => {
    const wrapper = await masterKeyWrapper({ file: join(t.testdir(), 'one.key') });
    const stranger = await masterKeyWrapper({ file: join(t.testdir({ other: {} }), 'other.key') });
    const { provider, keyRef } = wrapper;
    const ciphertext = await wrapper.wrap(third.passwordHash, kmsWrapContext(describeDomain(third.descriptor)));
    const descriptor = withKmsWraps(third.passwordHash, third.descriptor, [{ provider, keyRef, ciphertext }]);
    t.ok((await openWithKms(descriptor, [stranger, wrapper]))?.equals(third.passwordHash));
    t.ok(openDomain(third.passwordHash, descriptor), 'the password opens it as before');
    t.equal(await openWithKms(descriptor, [stranger]), undefined, 'another key is not even asked');
    t.equal(await openWithKms(third.descriptor, [wrapper]), undefined);
    const wrong = await wrapper.wrap(randomBytes(32), kmsWrapContext(describeDomain(third.descriptor)));
    const forged = withKmsWraps(third.passwordHash, third.descriptor, [{ provider, keyRef, ciphertext: wrong }]);
    t.equal(await codeOfAsync(openWithKms(forged, [wrapper])), 'wrap-damaged', 'a wrap of something else is found out');
    const moved = await wrapper.wrap(third.passwordHash, kmsWrapContext(describeDomain(first.descriptor)));
    const misplaced = withKmsWraps(third.passwordHash, third.descriptor, [{ provider, keyRef, ciphertext: moved }]);
    t.equal(
      await codeOfAsync(openWithKms(misplaced, [wrapper])),
      'wrap-damaged',
      'a wrap of another epoch does not open',
    );
    t.equal(
      codeOf(() => withKmsWraps(first.passwordHash, third.descriptor, [])),
      'wrong-password',
    );
  },
);

t.test('a set of runs has one digest, whatever their order and repeats', async (t) => {
  const [a, b] = [1, 2].map((epoch) => ({ runSalt: randomBytes(32), epoch })) as [Run, Run];
  t.ok(runsDigest([a, b]).equals(runsDigest([b, a, b])));
  t.notOk(runsDigest([a, b]).equals(runsDigest([a])));
  t.notOk(runsDigest([a]).equals(runsDigest([{ ...a, epoch: 2 }])));
});

type Run = Parameters<typeof runsDigest>[0][number];
