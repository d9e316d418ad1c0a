import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { uuidBytes } from '@sealift/crypto';
import { createRepository, filesystemStore, openRepository } from '@sealift/repository';
import fc from 'fast-check';
import t from 'tap';
import { HashIndex } from '../src/index/hash-index.ts';
import { aBundle } from './fixtures/chunks.ts';

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

t.test('the index answers as a map does', async () => {
  const few = fc.integer({ min: 0, max: 40 });
  const step = fc.oneof(
    fc.record({ chunk: few, pack: fc.integer({ min: 0, max: 2 ** 28 - 2 }) }),
    fc.record({ bundle: few, pack: few, members: fc.array(few, { maxLength: 5 }) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const index = new HashIndex();
      const model = new Map<number, { pack: number } | { bundle: number; ordinal: number }>();
      const put = (id: number, pack: number) => {
        if (!('pack' in (model.get(id) ?? {}))) model.set(id, { pack });
        return index.addChunk(idOf(id), { type: 6, pack, offset: 0xffffffff, length: id });
      };
      for (const action of steps) {
        if ('chunk' in action) {
          put(action.chunk, action.pack);
          continue;
        }
        const entry = put(action.bundle, action.pack);
        index.addMembers(entry, Buffer.concat(action.members.map(idOf)));
        action.members.forEach((id, ordinal) => {
          if (!model.has(id)) model.set(id, { bundle: action.bundle, ordinal });
        });
      }
      for (let id = 0; id <= 40; id++) check(index, id, model.get(id));
    }),
    { numRuns: 200 },
  );
});

function idOf(number: number): Buffer {
  return createHash('sha256').update(String(number)).digest();
}

function check(
  index: HashIndex,
  id: number,
  wanted: { pack: number } | { bundle: number; ordinal: number } | undefined,
) {
  const entry = index.find(idOf(id));
  if (wanted === undefined) {
    if (entry >= 0) throw new Error(`${id} is there`);
    return;
  }
  const place = index.placeOf(entry);
  if ('pack' in wanted) {
    if (place?.pack !== wanted.pack || place.type !== 6 || place.offset !== 0xffffffff)
      throw new Error(`place of ${id}`);
    return;
  }
  const member = index.memberOf(entry);
  if (place !== undefined || !member.bundle.equals(idOf(wanted.bundle)) || member.ordinal !== wanted.ordinal) {
    throw new Error(`member ${id}`);
  }
}

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
