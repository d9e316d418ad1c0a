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

type Step =
  | { chunk: number; pack: number }
  | { bundle: number; pack: number; members: number[] }
  | { forget: number }
  | { moved: number; pack: number }
  | { compact: true };

/** An index and a map that are told the same. */
class Twin {
  readonly index = new HashIndex();
  readonly model = new Map<number, { pack: number } | { bundle: number; ordinal: number }>();

  take(step: Step): void {
    if ('compact' in step) this.index.compact();
    else if ('chunk' in step) this.#put(step.chunk, step.pack);
    else if ('bundle' in step) this.#putBundle(step.bundle, step.pack, step.members);
    else if ('forget' in step) this.#forget(step.forget);
    else this.#move(step.moved, step.pack);
  }

  #put(id: number, pack: number): number {
    if (!('pack' in (this.model.get(id) ?? {}))) this.model.set(id, { pack });
    return this.index.addChunk(idOf(id), { type: 6, pack, offset: 0xffffffff, length: id });
  }

  #putBundle(bundle: number, pack: number, members: number[]): void {
    this.index.addMembers(this.#put(bundle, pack), Buffer.concat(members.map(idOf)));
    members.forEach((id, ordinal) => {
      if (!this.model.has(id)) this.model.set(id, { bundle, ordinal });
    });
  }

  #forget(id: number): void {
    const entry = this.#chunkEntry(id);
    if (entry < 0) return;
    this.index.forget(entry);
    this.model.delete(id);
    for (const [member, known] of this.model) if ('bundle' in known && known.bundle === id) this.model.delete(member);
  }

  #move(id: number, pack: number): void {
    const entry = this.#chunkEntry(id);
    if (entry < 0) return;
    this.index.relocate(entry, { type: 6, pack, offset: 0xffffffff, length: id });
    this.model.set(id, { pack });
  }

  #chunkEntry(id: number): number {
    const entry = this.index.find(idOf(id));
    return entry >= 0 && this.index.packOf(entry) >= 0 ? entry : -1;
  }
}

t.test('the index answers as a map does, also when chunks are forgotten, moved, and it is compacted', async () => {
  const few = fc.integer({ min: 0, max: 40 });
  const step = fc.oneof(
    fc.record({ chunk: few, pack: fc.integer({ min: 0, max: 2 ** 28 - 2 }) }),
    fc.record({ bundle: few, pack: few, members: fc.array(few, { maxLength: 5 }) }),
    fc.record({ forget: few }),
    fc.record({ moved: few, pack: few }),
    fc.constant({ compact: true } as const),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const twin = new Twin();
      for (const action of steps) twin.take(action);
      for (let id = 0; id <= 40; id++) check(twin.index, id, twin.model.get(id));
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
