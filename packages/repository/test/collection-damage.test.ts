import { randomUUID } from 'node:crypto';
import { appendFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { uuidBytes } from '@sealift/crypto';
import { openRepository } from '@sealift/repository';
import t from 'tap';
import { aChunk } from './fixtures/chunks.ts';
import { allReadable, commitChunks, newRepository, storePack } from './fixtures/collections.ts';
import { aSigner, commitPoint } from './fixtures/points.ts';

const holder = randomUUID();
const signer = await aSigner();
const never = new AbortController().signal;
const NOW = { grace: 0 };

t.test('a damaged reference list blocks collections until its point is removed', async (t) => {
  const { store, repository } = await newRepository(t, holder);
  const [bad, good] = [await commitPoint(repository, signer), await commitPoint(repository, signer)];
  await repository[Symbol.asyncDispose]();
  const path = join(store.location, 'references', bad.id);
  const bytes = await readFile(path);
  bytes.writeUInt8(bytes.readUInt8(60) ^ 1, 60);
  await writeFile(path, bytes);
  await using again = await openRepository(store, { holder });
  await t.rejects(again.collect(NOW, never), { code: 'collection-blocked', message: new RegExp(bad.id) });
  await again.removePoint(bad.id, { reason: 'its list is damaged' });
  t.match(await again.collect(NOW, never), { packsDead: 1 });
  t.match(await again.points(), [{ id: good.id }]);
});

t.test('what a damaged point needs is kept', async (t) => {
  const { store, repository } = await newRepository(t, holder);
  const chunk = aChunk();
  const point = await commitChunks(repository, signer, [chunk]);
  await repository[Symbol.asyncDispose]();
  for (const folder of ['points', 'spare/points']) await appendFile(join(store.location, folder, point.id), 'rubbish');
  await using again = await openRepository(store, { holder });
  t.same(await again.points(), []);
  t.match(await again.collect(NOW, never), { points: 1, bytesFreed: 0 });
  t.ok(await allReadable(again, [chunk]));
});

t.test('a damaged chunk is not copied and its pack is left alone and reported', async (t) => {
  const { store, repository } = await newRepository(t, holder);
  const [bad, good, dead] = [aChunk(900), aChunk(800), aChunk(50_000)];
  await storePack(repository, [bad, good, dead]);
  await commitPoint(repository, signer, { chunks: 0, absent: [bad.id, good.id] });
  const names = await store.list('packs');
  for (const name of names) {
    const bytes = await readFile(join(store.location, name));
    const at = bytes.indexOf(bad.body);
    if (at < 0) continue;
    bytes.writeUInt8(bytes.readUInt8(at) ^ 1, at);
    await writeFile(join(store.location, name), bytes);
  }
  const report = await repository.collect(NOW, never);
  t.match(report.problems, [{ code: 'pack-damaged' }]);
  t.ok(await allReadable(repository, [good]));
  await t.rejects(repository.readChunk(uuidBytes(repository.id), bad.id), { code: 'chunk-damaged' });
  t.ok(names.every((name) => store.readTail(name, 0)));
  await repository[Symbol.asyncDispose]();
  await using again = await openRepository(store, { holder });
  t.ok(await allReadable(again, [good]));
});

t.test('a pack whose footer is damaged is never collected, for nobody knows what else it holds', async (t) => {
  const { store, repository } = await newRepository(t, holder);
  await storePack(repository, [aChunk(), aChunk()]);
  await repository[Symbol.asyncDispose]();
  const [name] = (await store.list('packs')) as [string];
  await appendFile(join(store.location, name), 'x');
  await using again = await openRepository(store, { holder });
  t.match(again.problems, [{ code: 'pack-damaged' }]);
  t.equal((await again.collect(NOW, never)).bytesFreed, 0);
  t.same(await store.list('packs'), [name]);
});

for (const damaged of ['old', 'new'] as const) {
  t.test(`of a chunk that stands in two packs the ${damaged} copy is damaged, and the whole one stays`, async (t) => {
    const { store, repository, zone } = await newRepository(t, holder);
    const chunk = aChunk(2000);
    await storePack(repository, [chunk, aChunk(70_000)]);
    await commitPoint(repository, signer, { chunks: 0, absent: [chunk.id] });
    const before = new Map<string, Buffer>();
    for (const name of await store.list('packs')) before.set(name, await readFile(join(store.location, name)));
    await repository.collect(NOW, never);
    await repository[Symbol.asyncDispose]();
    // As after a crash between the new pack and the deletion of the old one.
    for (const [name, bytes] of before) await writeFile(join(store.location, name), bytes);
    for (const name of await store.list('packs')) {
      const bytes = await readFile(join(store.location, name));
      const at = bytes.indexOf(chunk.body);
      if (at < 0 || before.has(name) !== (damaged === 'old')) continue;
      bytes.writeUInt8(bytes.readUInt8(at) ^ 1, at);
      await writeFile(join(store.location, name), bytes);
    }
    await using again = await openRepository(store, { holder });
    for (let round = 0; round < 3; round++) {
      await again.collect(NOW, never);
      t.ok((await again.readChunk(zone, chunk.id)).body.equals(chunk.body));
    }
  });
}
