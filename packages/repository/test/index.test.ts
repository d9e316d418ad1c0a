import { randomBytes, randomUUID } from 'node:crypto';
import { uuidBytes } from '@sealift/crypto';
import { createRepository, filesystemStore, openRepository } from '@sealift/repository';
import fc from 'fast-check';
import t from 'tap';
import { HashIndex } from '../src/index/hash-index.ts';
import { aBundle } from './fixtures/chunks.ts';
import { check, idOf, STEPS, Twin } from './fixtures/index-twin.ts';

t.test('a million ids are found where they were put, others are not, at under 60 bytes each', async (t) => {
  const count = 1_000_000;
  const ids = randomBytes(count * 32);
  const index = new HashIndex();
  for (let i = 0; i < count; i++) {
    index.addChunk(ids.subarray(i * 32, i * 32 + 32), {
      type: 1,
      pack: i >>> 6,
      offset: (i % 64) * 1_000_000,
      length: i,
    });
  }
  let wrong = 0;
  for (let i = 0; i < count; i += 7) {
    const place = index.placeOf(index.find(ids.subarray(i * 32, i * 32 + 32)));
    if (place?.pack !== i >>> 6 || place.length !== i || place.offset !== (i % 64) * 1_000_000) wrong++;
  }
  t.equal(wrong, 0);
  t.equal(index.chunkCount, count);
  for (let i = 0; i < 1000; i++) if (index.find(randomBytes(32)) >= 0) t.fail('found what is not there');
  t.ok(index.byteLength / count < 60, `${index.byteLength / count} bytes an id`);
});

t.test('the index answers as a map does, also when chunks are forgotten, moved, and it is compacted', async () => {
  fc.assert(
    fc.property(STEPS, (steps) => {
      const twin = new Twin();
      for (const action of steps) twin.take(action);
      twin.compare();
      const chunks = [...twin.model.values()].filter((known) => 'pack' in known).length;
      if (twin.index.chunkCount !== chunks) throw new Error(`${twin.index.chunkCount} chunks counted, not ${chunks}`);
    }),
    { numRuns: 1000 },
  );
});

t.test('members of a forgotten bundle are not there again because a chunk with its id is', async (t) => {
  const again: [string, (twin: Twin) => void][] = [
    ['as a bundle of others', () => undefined],
    ['after it was a member meanwhile', (twin) => twin.take({ bundle: 5, pack: 1, members: [3] })],
  ];
  for (const [how, meanwhile] of again) {
    const twin = new Twin();
    twin.take({ bundle: 3, pack: 0, members: [0] });
    twin.take({ forget: 3 });
    meanwhile(twin);
    twin.take({ bundle: 3, pack: 0, members: [] });
    t.equal(twin.index.find(idOf(0)), -1, how);
    t.doesNotThrow(() => check(twin.index, 3, { pack: 0 }), how);
  }
});

t.test('ten thousand members of a bundle are found again after reopening', async (t) => {
  const store = filesystemStore(t.testdir());
  const zone = uuidBytes((await createRepository(store)).id);
  const bundle = aBundle(10_000, 100_000);
  {
    await using repository = await openRepository(store, { holder: randomUUID() });
    await using writer = repository.writer({ zone });
    await writer.put(bundle);
  }
  await using repository = await openRepository(store, { holder: randomUUID(), readOnly: true });
  let found = 0;
  bundle.members.forEach((id, ordinal) => {
    const answer = repository.lookup(zone, id);
    if (answer.state === 'member' && answer.ordinal === ordinal && answer.bundle.equals(bundle.id)) found++;
  });
  t.equal(found, 10_000);
});
