import { randomBytes, randomUUID } from 'node:crypto';
import { CHUNK_TYPE, uuidBytes } from '@sealift/crypto';
import { createRepository, openRepository } from '@sealift/repository';
import { aBundle, aChunk } from './fixtures/chunks.ts';
import { onEachStore } from './fixtures/places.ts';
import { aDomain, aSigner, commitPoint } from './fixtures/points.ts';

const holder = randomUUID();

onEachStore('a repository is created once, and only there where one was made can one be opened', async (t, place) => {
  const store = await place.open();
  await t.rejects(openRepository(store, { holder }), { code: 'repository-not-found' });
  const { id } = await createRepository(store);
  await t.rejects(createRepository(store), { code: 'repository-exists' });
  await using repository = await openRepository(store, { holder });
  t.equal(repository.id, id);
  t.equal(repository.dedupSecret.length, 32);
  t.same(repository.problems, []);
});

onEachStore('chunks can be read back at once and after reopening, each in its own zone', async (t, place) => {
  const store = await place.open();
  const { id } = await createRepository(store);
  const zone = uuidBytes(id);
  const { domain } = await aDomain();
  const plain = [aChunk(1), aChunk(300_000, CHUNK_TYPE.tree), aBundle(200, 50_000)];
  const sealed = [aChunk(), aChunk()];
  {
    await using repository = await openRepository(store, { holder });
    await using writer = repository.writer({ zone });
    await using other = repository.writer({ zone: domain.domainId, run: domain.newRun() });
    await Promise.all([...plain.map((c) => writer.put(c)), ...sealed.map((c) => other.put(c))]);
    for (const chunk of plain)
      t.same(await repository.readChunk(zone, chunk.id), { type: chunk.type, body: chunk.body });
    t.same(repository.lookup(zone, sealed[0]?.id as Buffer), { state: 'missing' }, 'zones do not see each other');
  }
  await using repository = await openRepository(store, { holder, readOnly: true });
  for (const chunk of plain) t.same(await repository.readChunk(zone, chunk.id), { type: chunk.type, body: chunk.body });
  for (const chunk of sealed) t.ok((await repository.readChunk(domain.domainId, chunk.id)).body.equals(chunk.body));
  const bundle = plain[2] as ReturnType<typeof aBundle>;
  t.same(repository.lookup(zone, bundle.id), { state: 'chunk' });
  t.same(repository.lookup(zone, bundle.members[7] as Buffer), { state: 'member', bundle: bundle.id, ordinal: 7 });
  t.match(repository.stats(), { points: 0, chunks: 5 });
  await t.rejects(repository.readChunk(zone, randomBytes(32)), { code: 'chunk-missing' });
});

onEachStore('a chunk given many times, by two sessions at once, is stored once', async (t, place) => {
  const store = await place.open();
  const zone = uuidBytes((await createRepository(store)).id);
  await using repository = await openRepository(store, { holder });
  await using first = repository.writer({ zone });
  await using second = repository.writer({ zone });
  const chunk = aChunk(100_000);
  await Promise.all([first.put(chunk), second.put(chunk), first.put(chunk), second.put(chunk)]);
  await second.put(chunk);
  await Promise.all([first.close(), second.close()]);
  const stored = repository.stats().storedBytes;
  t.ok(stored > 100_000 && stored < 110_000, `${stored} bytes stored`);
});

onEachStore('a known bundle member can be stored as a chunk of its own', async (t, place) => {
  const store = await place.open();
  const zone = uuidBytes((await createRepository(store)).id);
  await using repository = await openRepository(store, { holder });
  await using writer = repository.writer({ zone });
  const bundle = aBundle(3);
  await writer.put(bundle);
  const member = { ...aChunk(), id: bundle.members[1] as Buffer };
  await writer.put(member);
  t.same(repository.lookup(zone, member.id), { state: 'chunk' });
  t.ok((await repository.readChunk(zone, member.id)).body.equals(member.body));
});

onEachStore('more chunks than a pack holds go into several packs', async (t, place) => {
  const store = await place.open();
  const zone = uuidBytes((await createRepository(store)).id);
  const chunks = Array.from({ length: 20 }, () => aChunk(4 * 1024 * 1024));
  {
    await using repository = await openRepository(store, { holder });
    await using writer = repository.writer({ zone });
    await Promise.all(chunks.map((chunk) => writer.put(chunk)));
    for (const chunk of chunks) t.ok((await repository.readChunk(zone, chunk.id)).body.equals(chunk.body));
  }
  const packs = await store.list('packs');
  if (place.kind === 'files') t.equal(packs.length, 2);
  else t.ok(packs.length >= 4 && packs.length <= 15, `${packs.length} packs, each of a group`);
  t.same(await store.unfinished(), []);
  await using repository = await openRepository(store, { holder });
  for (const chunk of chunks) t.ok((await repository.readChunk(zone, chunk.id)).body.equals(chunk.body));
});

onEachStore('chunks that break the limits are refused and leave the session usable', async (t, place) => {
  const store = await place.open();
  const zone = uuidBytes((await createRepository(store)).id);
  await using repository = await openRepository(store, { holder });
  await using writer = repository.writer({ zone });
  const chunk = aChunk();
  await t.rejects(writer.put({ ...chunk, id: randomBytes(31) }), { code: 'chunk-refused' });
  await t.rejects(writer.put({ ...chunk, type: 9 as never }), { code: 'chunk-refused' });
  await t.rejects(writer.put({ ...chunk, members: [randomBytes(32)] }), { code: 'chunk-refused' });
  await t.rejects(writer.put({ ...aBundle(1), members: [randomBytes(5)] }), { code: 'chunk-refused' });
  await t.rejects(writer.put({ ...chunk, body: Buffer.alloc(0) }), { code: 'chunk-refused' });
  await writer.put(chunk);
  await writer.close();
  await t.rejects(writer.put(aChunk()), { code: 'repository-closed' });
  t.throws(() => repository.writer({ zone: randomBytes(16) }), { code: 'wrong-zone' });
});

onEachStore('closing answers every put that was made before', async (t, place) => {
  const store = await place.open();
  const zone = uuidBytes((await createRepository(store)).id);
  const repository = await openRepository(store, { holder });
  const writer = repository.writer({ zone });
  const puts = Array.from({ length: 40 }, () => writer.put(aChunk(512 * 1024)));
  await repository[Symbol.asyncDispose]();
  await Promise.all(puts);
  t.throws(() => repository.writer({ zone }), { code: 'repository-closed' });
});

onEachStore('a changed byte in a stored chunk is reported with the chunk and its pack', async (t, place) => {
  const store = await place.open();
  const zone = uuidBytes((await createRepository(store)).id);
  const [first, second] = [aChunk(500), aChunk(500)];
  {
    await using repository = await openRepository(store, { holder });
    await using writer = repository.writer({ zone });
    await Promise.all([writer.put(first), writer.put(second)]);
  }
  const [name] = (await store.list('packs')) as [string];
  const bytes = await place.readFile(name);
  const at = bytes.indexOf(first.body) + 250;
  bytes.writeUInt8(bytes.readUInt8(at) ^ 1, at);
  await place.writeFile(name, bytes);
  await using repository = await openRepository(store, { holder });
  await t.rejects(repository.readChunk(zone, first.id), {
    code: 'chunk-damaged',
    kind: 'corrupt',
    message: new RegExp(`${first.id.toString('hex')} in pack ${name}`),
  });
  t.ok((await repository.readChunk(zone, second.id)).body.equals(second.body));
});

onEachStore('foreign files in the folder of a repository disturb nothing', async (t, place) => {
  const store = await place.open();
  await createRepository(store);
  {
    await using repository = await openRepository(store, { holder });
    await commitPoint(repository, await aSigner());
  }
  for (const name of ['packs/README', 'points/.DS_Store', 'points/x', 'references/y', 'leases/z']) {
    await place.writeFile(name, 'foreign');
  }
  await using repository = await openRepository(store, { holder: randomUUID() });
  t.same(repository.problems, []);
  t.equal((await repository.points()).length, 1);
});
