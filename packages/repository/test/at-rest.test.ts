import { createHash, randomBytes } from 'node:crypto';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CHUNK_TYPE, newUuidBytes, sealInner, slotKeyFromPassword } from '@sealift/crypto';
import { createRepository, openRepository, type Repository, type SlotDescription } from '@sealift/repository';
import t from 'tap';
import { anEncrypted, aSlot, CANARY, filesUnder, folders, holder, putPlain } from './fixtures/encrypted.ts';
import { aDomain, aSigner, commitPoint } from './fixtures/points.ts';

t.test(
  'what an encrypted repository stores can be read with the key of a slot, and nowhere stands in the clear',
  async (t) => {
    const directory = t.testdir();
    const { store, slot, slotKey, zone } = await anEncrypted(directory);
    let put: Awaited<ReturnType<typeof putPlain>>;
    let secret: Buffer;
    {
      await using repository = await openRepository(store, { holder });
      t.throws(() => repository.dedupSecret, { code: 'repository-locked' });
      t.throws(() => repository.writer({ zone }), { code: 'repository-locked' });
      repository.encryption?.unlock(slot.id, slotKey);
      secret = Buffer.from(repository.dedupSecret);
      put = await putPlain(repository, CANARY);
      t.ok((await repository.readChunk(zone, put.id)).body.equals(put.inner));
    }
    for (const file of await filesUnder(directory)) {
      const bytes = await readFile(file);
      t.notOk(bytes.includes(CANARY), `no canary in ${file}`);
      t.notOk(bytes.includes(secret), `no dedup secret in ${file}`);
      t.notOk(bytes.includes(slotKey), `no slot key in ${file}`);
    }
    await using again = await openRepository(store, { holder, readOnly: true });
    await t.rejects(again.readChunk(zone, put.id), { code: 'repository-locked', kind: 'retry' });
    again.encryption?.unlock(slot.id, slotKey);
    t.same(await again.readChunk(zone, put.id), { type: put.type, body: put.inner });
    again.encryption?.lock();
    await t.rejects(again.readChunk(zone, put.id), { code: 'repository-locked' });
  },
);

t.test('a wrong key, an unknown slot and a changed table are told apart', async (t) => {
  const directory = t.testdir();
  const { store, slot, slotKey } = await anEncrypted(directory);
  {
    await using repository = await openRepository(store, { holder, readOnly: true });
    const unlock = (id: Buffer, key: Buffer) => () => repository.encryption?.unlock(id, key);
    t.throws(unlock(slot.id, randomBytes(32)), { code: 'wrong-repository-key' });
    t.throws(unlock(newUuidBytes(), slotKey), { code: 'key-slot-unknown' });
    t.equal(repository.encryption?.locked, true);
  }
  const [first, second] = (await filesUnder(join(directory, 'keys'))).sort() as [string, string];
  const whole = await readFile(first);
  const checksummed = (bytes: Buffer) =>
    Buffer.concat([bytes.subarray(0, -32), createHash('sha256').update(bytes.subarray(0, -32)).digest()]);
  // Whoever can write to the repository can make the checksum right, but not the MAC.
  for (const at of [36, 40, 50, 120, 200, 1400, whole.length - 40]) {
    const bent = Buffer.from(whole);
    bent[at] = (bent[at] as number) ^ 1;
    for (const file of [first, second]) await writeFile(file, checksummed(bent));
    const attempt = async () => {
      await using repository = await openRepository(store, { holder, readOnly: true });
      repository.encryption?.unlock(slot.id, slotKey);
    };
    await t.rejects(attempt(), { code: /^(key-table-damaged|wrong-repository-key|key-slot-unknown)$/ }, `byte ${at}`);
  }
  await writeFile(first, whole);
  await using repository = await openRepository(store, { holder, readOnly: true });
  repository.encryption?.unlock(slot.id, slotKey);
  t.equal(repository.encryption?.locked, false);
});

t.test('one damaged copy of the key table costs nothing, and without both the failure says so', async (t) => {
  const directory = t.testdir();
  const { store, slot, slotKey } = await anEncrypted(directory);
  const [first, second] = (await filesUnder(join(directory, 'keys'))).sort() as [string, string];
  const whole = await readFile(first);
  for (let at = 0; at < whole.length; at += 97) {
    const bent = Buffer.from(whole);
    bent[at] = (bent[at] as number) ^ 0x10;
    await writeFile(first, bent);
    await using repository = await openRepository(store, { holder, readOnly: true });
    repository.encryption?.unlock(slot.id, slotKey);
  }
  await rm(second);
  await t.rejects(openRepository(store, { holder, readOnly: true }), { code: 'key-table-damaged' });
  await rm(first);
  await t.rejects(openRepository(store, { holder, readOnly: true }), { code: 'key-table-damaged' });
});

t.test('slots are added and removed without touching data, and the last one stays', async (t) => {
  const directory = t.testdir();
  const { store, slot, slotKey, zone } = await anEncrypted(directory);
  const kdf = { name: 'argon2id', memoryKiB: 64 * 1024, passes: 3, lanes: 1, salt: randomBytes(32) } as const;
  const byPassword: SlotDescription = { id: newUuidBytes(), kind: 'password', label: 'admins', kdf };
  const passwordKey = await slotKeyFromPassword('of the vault', { salt: kdf.salt, kdf });
  const kms = { provider: 'vault', keyRef: 'https://vault/transit/keys/sealift', ciphertext: randomBytes(90) };
  const byKms: SlotDescription = { id: newUuidBytes(), kind: 'kms', label: 'the vault', kms };
  const kmsKey = randomBytes(32);
  let id: Buffer;
  {
    await using repository = await openRepository(store, { holder });
    const encryption = repository.encryption as NonNullable<Repository['encryption']>;
    await t.rejects(encryption.addSlot(byKms, kmsKey), { code: 'repository-locked' });
    encryption.unlock(slot.id, slotKey);
    id = (await putPlain(repository, CANARY)).id;
    const packs = await filesUnder(join(directory, 'packs'));
    await Promise.all([encryption.addSlot(byPassword, passwordKey), encryption.addSlot(byKms, kmsKey)]);
    await t.rejects(encryption.addSlot(byKms, kmsKey), { code: 'key-slot-exists' });
    await t.rejects(encryption.removeSlot(newUuidBytes()), { code: 'key-slot-unknown' });
    await encryption.removeSlot(slot.id);
    t.same(encryption.state.slots.map(({ label }) => label).sort(), ['admins', 'the vault']);
    t.same(await filesUnder(join(directory, 'packs')), packs);
    t.equal((await readdir(join(directory, 'keys'))).length, 2, 'only the newest table is kept, twice');
  }
  await using repository = await openRepository(store, { holder });
  const encryption = repository.encryption as NonNullable<Repository['encryption']>;
  t.throws(() => encryption.unlock(slot.id, slotKey), { code: 'key-slot-unknown' });
  for (const [description, key] of [
    [byPassword, passwordKey],
    [byKms, kmsKey],
  ] as const) {
    encryption.unlock(description.id, key);
    await repository.readChunk(zone, id);
    encryption.lock();
  }
  t.same(encryption.state.slots.find(({ kind }) => kind === 'kms')?.kms, kms);
  encryption.unlock(byPassword.id, passwordKey);
  await encryption.removeSlot(byKms.id);
  await t.rejects(encryption.removeSlot(byPassword.id), { code: 'last-key-slot' });
});

t.test('chunks swapped, altered or put back from another repository are damage of these chunks alone', async (t) => {
  const { root, before } = folders(t.testdir());
  const { store, slot, slotKey, zone } = await anEncrypted(root);
  await using repository = await openRepository(store, { holder });
  repository.encryption?.unlock(slot.id, slotKey);
  const good = await putPlain(repository, 'a good one');
  const strangers = await anEncrypted(before);
  await using stranger = await openRepository(strangers.store, { holder });
  stranger.encryption?.unlock(strangers.slot.id, strangers.slotKey);
  const run = stranger.encryption?.newRun();
  const planted = randomBytes(32);
  await using writer = repository.writer({ zone });
  if (run === undefined) throw new Error('no key');
  const body = sealInner(run, { type: CHUNK_TYPE.data, id: planted }, good.inner);
  await writer.put({ id: planted, type: CHUNK_TYPE.data, body, checksum: createHash('sha256').update(body).digest() });
  const plain = randomBytes(32);
  const checksum = createHash('sha256').update(good.inner).digest();
  await writer.put({ id: plain, type: CHUNK_TYPE.data, body: good.inner, checksum });
  for (const id of [planted, plain]) {
    await t.rejects(repository.readChunk(zone, id), { code: 'chunk-damaged', kind: 'corrupt' });
  }
  t.ok((await repository.readChunk(zone, good.id)).body.equals(good.inner));
});

t.test(
  'points of both modes commit into an encrypted repository; source-side ones are read while it is locked',
  async (t) => {
    const { store, slot, slotKey } = await anEncrypted(t.testdir());
    const signer = await aSigner();
    const { domain, descriptor } = await aDomain();
    {
      await using repository = await openRepository(store, { holder });
      repository.encryption?.unlock(slot.id, slotKey);
      await commitPoint(repository, signer);
      await commitPoint(repository, signer, { run: domain.newRun(), descriptor });
    }
    await using repository = await openRepository(store, { holder, readOnly: true });
    const points = await repository.points();
    t.equal(points.length, 2);
    for (const { id } of points) await repository.readPoint(id);
    t.match(repository.stats(), { points: 2 });
  },
);

t.test(
  'an encrypted repository is created once, and a creation that was broken off leaves nothing in the way',
  async (t) => {
    const directory = t.testdir();
    const { store, slot, slotKey, id } = await anEncrypted(directory);
    await t.rejects(createRepository(store, { slot: aSlot(), slotKey: randomBytes(32) }), {
      code: 'repository-exists',
    });
    {
      await using repository = await openRepository(store, { holder });
      t.equal(repository.id, id);
      repository.encryption?.unlock(slot.id, slotKey);
    }
    for (const name of ['config', 'spare/config']) await rm(join(directory, name));
    const second = await createRepository(store, { slot, slotKey });
    await using repository = await openRepository(store, { holder });
    t.equal(repository.id, second.id);
    repository.encryption?.unlock(slot.id, slotKey);
  },
);
