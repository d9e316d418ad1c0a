import { randomBytes, randomUUID } from 'node:crypto';
import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { CHUNK_TYPE } from '@sealift/crypto';
import { filesystemStore, openRepository, type Repository } from '@sealift/repository';
import t from 'tap';
import { anEncrypted, aSlot, folders, holder, putPlain } from './fixtures/encrypted.ts';
import { aSigner, commitPoint } from './fixtures/points.ts';

t.test('a new master key seals what comes, opens what was, and is out of reach of a slot removed before', async (t) => {
  const { root, before } = folders(t.testdir());
  const directory = root;
  const { store, slot, slotKey, zone } = await anEncrypted(directory);
  const other = aSlot('second');
  const otherKey = randomBytes(32);
  let [first, second]: Buffer[] = [];
  {
    await using repository = await openRepository(store, { holder });
    const encryption = repository.encryption as NonNullable<Repository['encryption']>;
    encryption.unlock(slot.id, slotKey);
    await encryption.addSlot(other, otherKey);
    first = (await putPlain(repository, 'sealed under the first')).id;
    await cp(directory, before, { recursive: true });
    await encryption.removeSlot(other.id);
    await encryption.rotate();
    t.match(encryption.state, { epoch: 2, earlier: [1] });
    second = (await putPlain(repository, 'sealed under the second')).id;
  }
  {
    await using repository = await openRepository(store, { holder });
    repository.encryption?.unlock(slot.id, slotKey);
    for (const id of [first, second]) t.equal((await repository.readChunk(zone, id as Buffer)).type, CHUNK_TYPE.data);
    await repository.encryption?.retainMasterKeys(() => new Set());
    t.same(repository.encryption?.state.earlier, []);
    await t.rejects(repository.readChunk(zone, first as Buffer), { code: 'chunk-damaged' });
    await repository.readChunk(zone, second as Buffer);
  }
  // The thief kept the table and the key of the removed slot.
  await cp(join(directory, 'packs'), join(before, 'packs'), { recursive: true });
  await using thief = await openRepository(filesystemStore(before), { holder, readOnly: true });
  thief.encryption?.unlock(other.id, otherKey);
  await thief.readChunk(zone, first as Buffer);
  await t.rejects(thief.readChunk(zone, second as Buffer), { code: 'chunk-missing' });
});

t.test(
  'a rotation seals everything anew while a backup runs, and erases the old key when nothing needs it',
  async (t) => {
    const { store, slot, slotKey, zone } = await anEncrypted(t.testdir());
    const signer = await aSigner();
    await using repository = await openRepository(store, { holder });
    const encryption = repository.encryption as NonNullable<Repository['encryption']>;
    encryption.unlock(slot.id, slotKey);
    const signal = new AbortController().signal;
    const first = await putPlain(repository, 'sealed under the first, and needed by no point but used today');
    const running = repository.writer({ zone });
    const stopped = AbortSignal.abort();
    await t.rejects(repository.rotateMasterKey({ resumed: false }, stopped));
    t.match(encryption.state, { epoch: 2, earlier: [1] }, 'cut off, both keys are there');
    await repository.readChunk(zone, first.id);
    const during = await repository.rotateMasterKey({ resumed: true }, signal);
    t.match(during, { epoch: 2, earlier: [1] }, 'the session that runs still seals under the first');
    t.ok((await repository.readChunk(zone, first.id)).body.equals(first.inner));
    await running.close();
    const after = await repository.rotateMasterKey({ resumed: true }, signal);
    t.match(after, { epoch: 2, earlier: [] });
    t.ok((await repository.readChunk(zone, first.id)).body.equals(first.inner));
    await commitPoint(repository, signer).catch(() => {});
    t.same([...((await repository.verify({}, signal)).verifiedSince ? ['whole'] : [])], ['whole']);
  },
);

t.test('a program that had it open for reading is told of a rotation, not of damage', async (t) => {
  const { store, slot, slotKey, zone } = await anEncrypted(t.testdir());
  await using repository = await openRepository(store, { holder });
  repository.encryption?.unlock(slot.id, slotKey);
  const before = await putPlain(repository, 'before');
  await using reader = await openRepository(store, { holder: randomUUID(), readOnly: true });
  reader.encryption?.unlock(slot.id, slotKey);
  await repository.encryption?.rotate();
  // The same place, sealed under the next key: as if the reader met a pack that was sealed anew.
  await repository.rotateMasterKey({ resumed: true }, new AbortController().signal);
  await t.rejects(reader.readChunk(zone, before.id), { code: 'key-table-outdated', kind: 'retry' });
});

t.test('a change of slots that fails half way can be made again, and is in effect only then', async (t) => {
  const { store, slot, slotKey } = await anEncrypted(t.testdir());
  await using repository = await openRepository(store, { holder });
  const encryption = repository.encryption as NonNullable<Repository['encryption']>;
  encryption.unlock(slot.id, slotKey);
  const publish = store.publish.bind(store);
  store.publish = async (name, bytes) => {
    if (name.endsWith('-2')) throw Object.assign(new Error('no space left'), { code: 'ENOSPC' });
    await publish(name, bytes);
  };
  const [second, secondKey] = [aSlot('second'), randomBytes(32)];
  await t.rejects(encryption.addSlot(second, secondKey));
  t.equal(encryption.state.slots.length, 1);
  store.publish = publish;
  await encryption.addSlot(second, secondKey);
  t.equal(encryption.state.slots.length, 2);
  await using reader = await openRepository(store, { holder: randomUUID(), readOnly: true });
  reader.encryption?.unlock(second.id, secondKey);
  t.equal(reader.encryption?.state.slots.length, 2);
});

t.test(
  'packs that come back under a master key that is gone hide nothing, and collections leave them alone',
  async (t) => {
    const { root, before } = folders(t.testdir());
    const { store, slot, slotKey, zone } = await anEncrypted(root);
    const signal = new AbortController().signal;
    const chunks: Awaited<ReturnType<typeof putPlain>>[] = [];
    {
      await using repository = await openRepository(store, { holder });
      repository.encryption?.unlock(slot.id, slotKey);
      for (let i = 0; i < 8; i++) chunks.push(await putPlain(repository, `chunk ${i}`));
      await cp(join(root, 'packs'), before, { recursive: true });
      t.match(await repository.rotateMasterKey({ resumed: false }, signal), { epoch: 2, earlier: [] });
    }
    await cp(before, join(root, 'packs'), { recursive: true });
    for (let round = 0; round < 3; round++) {
      await using repository = await openRepository(store, { holder });
      repository.encryption?.unlock(slot.id, slotKey);
      t.equal(repository.problems.length, 8, 'each is named');
      t.match(repository.problems[0], { code: 'pack-damaged', message: /master key 1, which is gone/ });
      for (const { id, inner } of chunks) t.ok((await repository.readChunk(zone, id)).body.equals(inner));
      await repository.collect({ grace: 3_600_000 }, signal);
      for (const { id, inner } of chunks) t.ok((await repository.readChunk(zone, id)).body.equals(inner));
    }
  },
);

t.test('reads and rotations that overlap meet no damage', async (t) => {
  const { store, slot, slotKey, zone } = await anEncrypted(t.testdir());
  await using repository = await openRepository(store, { holder });
  repository.encryption?.unlock(slot.id, slotKey);
  const chunks = [];
  for (let i = 0; i < 20; i++) chunks.push(await putPlain(repository, `chunk ${i}`));
  const signal = new AbortController().signal;
  const rotations = (async () => {
    for (let i = 0; i < 5; i++) await repository.rotateMasterKey({ resumed: false }, signal);
    return repository.encryption?.state.epoch;
  })();
  let reads = 0;
  let over = false;
  void rotations.finally(() => {
    over = true;
  });
  while (!over) {
    for (const { id, inner } of chunks) {
      if (!(await repository.readChunk(zone, id)).body.equals(inner)) t.fail('another chunk');
      reads++;
    }
  }
  t.equal(await rotations, 6);
  t.ok(reads > 0, `${reads} reads beside five rotations`);
});

t.test(
  'a second rotation is refused while one runs, and unlocking again harms no change that is under way',
  async (t) => {
    const { store, slot, slotKey, zone } = await anEncrypted(t.testdir());
    const signal = new AbortController().signal;
    {
      await using repository = await openRepository(store, { holder });
      const encryption = repository.encryption as NonNullable<Repository['encryption']>;
      encryption.unlock(slot.id, slotKey);
      await putPlain(repository, 'before');
      const [first, second] = await Promise.allSettled([
        repository.rotateMasterKey({ resumed: false }, signal),
        repository.rotateMasterKey({ resumed: false }, signal),
      ]);
      t.equal(first.status, 'fulfilled');
      t.match(second, { status: 'rejected', reason: { code: 'collection-running' } });
      const adding = encryption.addSlot(aSlot('second'), randomBytes(32));
      encryption.unlock(slot.id, slotKey);
      await adding;
      await putPlain(repository, 'after');
    }
    await using again = await openRepository(store, { holder });
    again.encryption?.unlock(slot.id, slotKey);
    const { id, inner } = await putPlain(again, 'after');
    t.ok((await again.readChunk(zone, id)).body.equals(inner), 'what was written then opens with the key of the table');
  },
);
