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
    await repository.encryption?.retainMasterKeys(new Set());
    t.same(repository.encryption?.state.earlier, []);
    await t.rejects(repository.readChunk(zone, first as Buffer), { code: 'chunk-damaged' });
    await repository.readChunk(zone, second as Buffer);
  }
  // The thief kept the table and the key of the removed slot.
  await cp(join(directory, 'packs'), join(before, 'packs'), { recursive: true });
  await using thief = await openRepository(filesystemStore(before), { holder, readOnly: true });
  thief.encryption?.unlock(other.id, otherKey);
  await thief.readChunk(zone, first as Buffer);
  await t.rejects(thief.readChunk(zone, second as Buffer), { code: 'key-table-outdated' });
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
