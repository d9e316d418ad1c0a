import { randomInt, randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Failure } from '@sealift/core';
import { newUuidBytes, uuidBytes } from '@sealift/crypto';
import { createRepository, filesystemStore, openRepository, type Repository, type Store } from '@sealift/repository';
import t from 'tap';
import { sha256 } from './fixtures/chunks.ts';
import { allFiles, flip, type Kept, keep, unreadable, whole } from './fixtures/flips.ts';
import { aSigner } from './fixtures/points.ts';

const holder = randomUUID();
const signer = await aSigner();

async function filled(directory: string) {
  const store = filesystemStore(directory);
  await createRepository(store);
  const repository = await openRepository(store, { holder });
  const kept = [await keep(repository, signer, { chunks: 6 }), await keep(repository, signer, { chunks: 4 })];
  return { store, repository, kept };
}

async function packWith(store: Store, id: Buffer): Promise<string> {
  for (const name of await store.list('packs')) if ((await whole(store, name)).includes(id)) return name;
  throw new Error('no pack holds it');
}

async function fingerprint(store: Store): Promise<Record<string, string>> {
  const files = (await allFiles(store)).filter(({ name }) => !name.startsWith('cache/'));
  const entries = await Promise.all(
    files.map(async ({ name }) => [name, sha256(await whole(store, name)).toString('hex')] as const),
  );
  return Object.fromEntries(entries.sort());
}

/** A store that hands every call on. */
function delegating(store: Store): Store {
  const names = Object.getOwnPropertyNames(Object.getPrototypeOf(store)).filter((name) => name !== 'constructor');
  const methods = names.map((name) => [name, Reflect.get(store, name).bind(store)]);
  const { location, packing, manyWriters } = store;
  const dispose = () => store[Symbol.asyncDispose]();
  return { location, packing, manyWriters, ...Object.fromEntries(methods), [Symbol.asyncDispose]: dispose };
}

async function flaws(repository: Repository): Promise<number> {
  return (await repository.verify({})).flaws;
}

t.test(
  'what a damaged chunk shares its pack with is saved, the chunk is asked for again, the pack set aside',
  async (t) => {
    const { store, repository, kept } = await filled(t.testdir());
    await using _open = repository;
    const [first] = kept as [Kept, Kept];
    const lost = first.chunks[3] as Kept['chunks'][number];
    const name = await packWith(store, lost.id);
    await flip(store, name, (await whole(store, name)).indexOf(lost.id) + 300);
    await repository.verify({});

    const before = await fingerprint(store);
    const steps: string[] = [];
    const dry = await repository.repair({ dryRun: true, onStep: (file, step) => steps.push(`${file}: ${step}`) });
    t.match(dry, { dryRun: true, packsFlawed: 1, chunksSaved: 6, chunksLost: 1, affectedPoints: 1 });
    t.match(steps, [`${name}: 6 chunks are saved into a new pack, 1 are lost, and it is set aside`]);
    t.same(await fingerprint(store), before, 'a dry run changes nothing');
    t.equal(repository.lookup(first.zone, lost.id).state, 'chunk');

    const { dryRun: _, ...done } = await repository.repair({});
    t.match(done, { packsFlawed: 1, chunksSaved: 6, chunksLost: 1, affectedPoints: 1, filesLeft: 0 });
    t.equal(repository.lookup(first.zone, lost.id).state, 'missing', 'the next backup sends it');
    t.same(await unreadable(repository, kept), [lost.id.toString('hex')]);
    t.same(await store.list('damaged'), [`damaged/${name.slice(-37)}`]);
    t.notOk((await store.list('packs')).includes(name));

    t.match(await repository.verify({}), { flaws: 0, missingChunks: 1, affectedPoints: 1 });
    {
      await using writer = repository.writer({ zone: first.zone });
      await writer.put(lost);
    }
    t.match(await repository.verify({}), { flaws: 0, missingChunks: 0, affectedPoints: 0 });
    await repository[Symbol.asyncDispose]();
    await using again = await openRepository(store, { holder });
    t.same(await unreadable(again, kept), [], 'and so it is after opening again');
    t.same(again.problems, []);
  },
);

t.test('a damaged header or footer costs no chunk, and the old pack goes', async (t) => {
  const { store, repository, kept } = await filled(t.testdir());
  await using _open = repository;
  for (const place of ['header', 'footer']) {
    const name = await packWith(store, (kept[0] as Kept).ids[0] as Buffer);
    const { length } = await store.readTail(name, 0);
    await flip(store, name, place === 'header' ? randomInt(128) : length - 1 - randomInt(56));
    t.equal(await flaws(repository), 1, place);
    t.match(await repository.repair({}), { packsFlawed: 1, chunksSaved: 7, chunksLost: 0 }, place);
    t.same(await unreadable(repository, kept), [], place);
    t.same(await store.list('damaged'), [], place);
    t.equal(await flaws(repository), 0, place);
  }
});

t.test('a damaged pack that the store keeps for a locked point stays, shown with a stub of such a store', async (t) => {
  const store = filesystemStore(t.testdir());
  await createRepository(store);
  let keeps = true;
  const remove = async (name: string) => {
    if (keeps && name.startsWith('packs/')) throw new Failure('object-locked', 'refused', `${name} is locked`);
    await store.remove(name);
  };
  const stub = Object.assign(delegating(store), { remove });
  await using repository = await openRepository(stub, { holder });
  const kept = [await keep(repository, signer)];
  const name = await packWith(store, (kept[0] as Kept).ids[0] as Buffer);
  await flip(store, name, (await store.readTail(name, 0)).length - 10);
  await repository.verify({});
  const steps: string[] = [];
  t.match(await repository.repair({ onStep: (_, step) => steps.push(step) }), { packsFlawed: 1, chunksLost: 0 });
  t.match(steps, [/saved/, /until the lock/]);
  t.same(await unreadable(repository, kept), []);
  t.ok((await store.list('packs')).includes(name));
  keeps = false;
  await repository.repair({});
  t.notOk((await store.list('packs')).includes(name), 'a later repair removes it');
  t.match(await repository.verify({}), { flaws: 0, missingChunks: 0 });
});

t.test('chunks of a pack that is gone are forgotten', async (t) => {
  const { store, repository, kept } = await filled(t.testdir());
  await using _open = repository;
  const { ids, zone } = kept[1] as Kept;
  await rm(join(store.location, await packWith(store, ids[0] as Buffer)));
  t.match(await repository.repair({}), { packsFlawed: 1, chunksSaved: 0, chunksLost: 5, affectedPoints: 1 });
  t.ok(ids.every((id) => repository.lookup(zone, id).state === 'missing'));
  t.match(await repository.verify({}), { flaws: 0, missingChunks: 5 });
});

t.test('a flipped bit in a reference list, config or key table is put right', async (t) => {
  const { store, repository, kept } = await filled(t.testdir());
  await using _open = repository;
  const before = await fingerprint(store);
  const list = `references/${(kept[0] as Kept).record.id}`;
  const { length } = await store.readTail(list, 0);
  // The receive time, in the trailer, is known nowhere else.
  for (const offset of [randomInt(40), 40 + randomInt(length - 40 - 132), length - 1 - randomInt(36)]) {
    await flip(store, list, offset);
    t.equal(await flaws(repository), 1, `${offset}`);
    t.match(await repository.repair({}), { filesMended: 1, filesLeft: 0 }, `${offset}`);
    t.equal(await flaws(repository), 0, `${offset}`);
  }
  await flip(store, 'config', randomInt(100));
  t.match(await repository.repair({}), { filesMended: 1 });
  t.equal((await fingerprint(store)).config, before.config);
});

t.test('a damaged copy of a key table is written anew from the other', async (t) => {
  const store = filesystemStore(t.testdir());
  const slot = { id: newUuidBytes(), kind: 'keyfile' as const, label: 'first' };
  await createRepository(store, { slot, slotKey: Buffer.alloc(32, 1) });
  await using repository = await openRepository(store, { holder });
  const [name] = await store.list('keys');
  const before = await fingerprint(store);
  await flip(store, name as string, 50);
  t.match(await repository.repair({}), { filesMended: 1 });
  t.same(await fingerprint(store), before);
});

t.test('a point of which no copy can be read is named and left where it is', async (t) => {
  const { store, repository, kept } = await filled(t.testdir());
  await using _open = repository;
  const names = ['points', 'spare/points'].map((folder) => `${folder}/${(kept[0] as Kept).record.id}`);
  for (const name of names) await flip(store, name, 100);
  const left: string[] = [];
  t.match(await repository.repair({ onFlaw: (file) => left.push(file) }), { filesMended: 0, filesLeft: 2 });
  t.same(left, names);
  t.ok((await store.list('points')).includes(names[0] as string));
});

t.test(
  'wherever one bit is flipped, repair makes nothing worse and verification then finds what it could not mend',
  async (t) => {
    const { store, repository, kept } = await filled(t.testdir());
    await using _open = repository;
    for (let trial = 0; trial < 60; trial++) {
      const files = (await allFiles(store)).filter(({ name }) => /^(packs|points|references|config|spare)/.test(name));
      const { name, length } = files[randomInt(files.length)] as (typeof files)[number];
      const offset = randomInt(length);
      await flip(store, name, offset);
      await repository.verify({});
      const lostBefore = await unreadable(repository, kept);
      const { chunksLost } = await repository.repair({});
      const lost = await unreadable(repository, kept);
      const where = `${name} at ${offset} of ${length}`;
      if (lost.length > lostBefore.length || lost.length !== chunksLost) t.fail(`${where}: ${lostBefore} then ${lost}`);
      if ((await flaws(repository)) > 0) t.fail(`${where}: still flawed`);
      await using writer = repository.writer({ zone: uuidBytes(repository.id) });
      for (const chunk of kept.flatMap(({ chunks }) => chunks)) await writer.put(chunk);
      await writer.close();
      if ((await repository.verify({})).missingChunks > 0) t.fail(`${where}: not whole again`);
    }
    t.pass();
  },
);
