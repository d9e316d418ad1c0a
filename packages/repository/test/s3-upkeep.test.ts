import { createHash, randomBytes, randomInt, randomUUID } from 'node:crypto';
import { CODEC, encodeInner, newUuidBytes, sealInner, uuidBytes } from '@sealift/crypto';
import { createRepository, openRepository, type SlotDescription, type Store } from '@sealift/repository';
import t from 'tap';
import { aChunk } from './fixtures/chunks.ts';
import { allReadable, commitChunks, packBytes, storePack } from './fixtures/collections.ts';
import { type Place, theBucket, theGateway } from './fixtures/places.ts';
import { aSigner, commitPoint } from './fixtures/points.ts';

const TRIALS = 80;
const holder = randomUUID();
const signer = await aSigner();

async function flawsOf(store: Store): Promise<string[]> {
  await using repository = await openRepository(store, { holder: randomUUID(), readOnly: true });
  const flaws: string[] = [];
  await repository.verify({ onFlaw: (file) => flaws.push(file) });
  return flaws;
}

async function allFiles(store: Store): Promise<string[]> {
  return [
    'config',
    ...(await Promise.all(['packs', 'points', 'references', 'spare'].map((name) => store.list(name)))).flat(),
  ];
}

/** @returns what puts the bit back */
async function flipBit(place: Place, name: string): Promise<() => Promise<void>> {
  const bytes = await place.readFile(name);
  const bent = Buffer.from(bytes);
  const at = randomInt(bent.length);
  bent.writeUInt8(bent.readUInt8(at) ^ (1 << randomInt(8)), at);
  await place.writeFile(name, bent);
  return () => place.writeFile(name, bytes);
}

t.test(`one bit flipped in any object of a bucket is found by verification (${TRIALS} trials)`, async (t) => {
  const place = await theBucket(t);
  const store = await place.open();
  await createRepository(store);
  {
    await using repository = await openRepository(store, { holder });
    for (let i = 0; i < 3; i++) await commitPoint(repository, signer);
  }
  t.same(await flawsOf(store), []);
  const files = (await allFiles(store)).filter((name) => name !== 'config');
  for (let trial = 0; trial < TRIALS; trial++) {
    const name = files[trial % files.length] as string;
    const putBack = await flipBit(place, name);
    const flaws = await flawsOf(store);
    if (flaws.length !== 1 || flaws[0] !== name) t.fail(`flipped in ${name}, found in ${flaws}`);
    await putBack();
  }
  t.same(await flawsOf(store), [], 'and put back it is whole');
});

for (const lock of [false, true]) {
  t.test(`a bucket ${lock ? 'with' : 'without'} object lock holds a repository encrypted at rest`, async (t) => {
    const store = await (await theBucket(t, { lock })).open();
    const [slot, slotKey] = [aSlot('first'), randomBytes(32)];
    const [second, secondKey] = [aSlot('second'), randomBytes(32)];
    const { id: repositoryId } = await createRepository(store, { slot, slotKey });
    const zone = uuidBytes(repositoryId);
    const { id, type } = aChunk();
    const stored = { codec: CODEC.stored, plaintextLength: 5000, compressed: randomBytes(5000) };
    const inner = encodeInner({ ...stored, padding: 'none' });
    {
      await using repository = await openRepository(store, { holder });
      repository.encryption?.unlock(slot.id, slotKey);
      {
        await using writer = repository.writer({ zone });
        if (writer.sealUnder === undefined) throw new Error('it is not sealed');
        const body = sealInner(writer.sealUnder, { type, id }, inner);
        await writer.put({ id, type, body, checksum: createHash('sha256').update(body).digest() });
      }
      const point = await commitPoint(repository, signer);
      await repository.lockPoint(point.id, repository.now() + 3_600_000);
      await repository.encryption?.addSlot(second, secondKey);
      await repository.encryption?.removeSlot(slot.id);
    }
    await using again = await openRepository(store, { holder });
    t.throws(() => again.encryption?.unlock(slot.id, slotKey), { code: 'key-slot-unknown' });
    again.encryption?.unlock(second.id, secondKey);
    t.ok((await again.readChunk(zone, id)).body.equals(inner));
  });
}

function aSlot(label: string): SlotDescription {
  return { id: newUuidBytes(), kind: 'keyfile', label };
}

t.test('packs go into the storage class that the address names, everything else into the standard one', async (t) => {
  const place = await theBucket(t, { packClass: 'COLD' });
  const store = await place.open();
  await createRepository(store);
  await using repository = await openRepository(store, { holder });
  await commitPoint(repository, signer);
  const classes = await place.storageClasses();
  t.ok(classes.size >= 4);
  for (const [name, storageClass] of classes)
    t.equal(storageClass, name.includes('packs/') ? 'COLD' : 'STANDARD', name);
  t.same((await (await theGateway()).admin('zone', 'get')).includes('"COLD"'), true, 'the gateway knows the class');
});

t.test('a collection gives back space of a bucket, and rewrites packs of which little is needed', async (t) => {
  const store = await (await theBucket(t)).open();
  await createRepository(store);
  await using repository = await openRepository(store, { holder });
  const [stays, goes, dropped] = [aChunk(3000), aChunk(90_000), aChunk(200_000)];
  await storePack(repository, [stays, goes]);
  await commitPoint(repository, signer, { chunks: 0, absent: [stays.id] });
  const point = await commitChunks(repository, signer, [dropped]);
  await repository.removePoint(point.id, { reason: 'a test' });
  const before = await packBytes(store);
  const report = await repository.collect({ grace: 0 }, new AbortController().signal);
  t.match(report, { packsRepacked: 1, chunksMissing: 0, problems: [] });
  t.ok(report.bytesFreed > 285_000, `${report.bytesFreed} bytes`);
  t.equal(before - (await packBytes(store)), report.bytesFreed);
  t.ok(await allReadable(repository, [stays]));
  t.same(await store.unfinished(), []);
});

t.test('a collection leaves packs alone that the store keeps for locked points, and goes on', async (t) => {
  const store = await (await theBucket(t, { lock: true })).open();
  await createRepository(store);
  const [stays, goes, dropped] = [aChunk(3000), aChunk(90_000), aChunk(200_000)];
  {
    await using repository = await openRepository(store, { holder });
    await storePack(repository, [stays, goes]);
    const [sparse] = (await store.list('packs')) as [string];
    const kept = await commitPoint(repository, signer, { chunks: 0, absent: [stays.id] });
    await repository.lockPoint(kept.id, repository.now() + 3_600_000);
    const point = await commitChunks(repository, signer, [dropped]);
    await repository.removePoint(point.id, { reason: 'a test' });
    for (let round = 0; round < 2; round++) {
      const report = await repository.collect({ grace: 0 }, new AbortController().signal);
      t.same(report.problems, []);
      t.ok((await store.list('packs')).includes(sparse), 'the locked pack is there');
    }
    t.same(repository.lookup(uuidBytes(repository.id), dropped.id), { state: 'missing' });
    t.ok(await allReadable(repository, [stays]));
  }
  await using again = await openRepository(store, { holder });
  t.ok(await allReadable(again, [stays]));
  t.same(again.problems, []);
});
