import { randomUUID } from 'node:crypto';
import { filesystemStore, openRepository } from '@sealift/repository';
import t from 'tap';
import { aChunk } from './fixtures/chunks.ts';
import { allReadable, commitChunks, newRepository } from './fixtures/collections.ts';
import { aSigner, preparePoint } from './fixtures/points.ts';

const holder = randomUUID();
const signer = await aSigner();
const never = new AbortController().signal;
const YEARS = 3650 * 86_400_000;
const realNow = Date.now;
t.afterEach(() => {
  Date.now = realNow;
});

for (const [which, shift] of [
  ['ten years ahead', YEARS],
  ['ten years behind', -YEARS],
] as const) {
  t.test(`a collection by a clock ${which} takes nothing that points and running backups need`, async (t) => {
    const { store, repository } = await newRepository(t, holder);
    const kept = [aChunk(5000), aChunk(6000)];
    await commitChunks(repository, signer, kept);
    await repository[Symbol.asyncDispose]();
    Date.now = () => realNow() + shift;
    await using wrong = await openRepository(filesystemStore(store.location), { holder });
    const chunk = aChunk();
    const prepared = await preparePoint(wrong, signer, { chunks: 0, absent: [chunk.id] });
    await using writer = wrong.writer({ zone: prepared.references.zone, pointId: prepared.pointId });
    await writer.put(chunk);
    t.match(await wrong.collect({ grace: 0 }, never), { bytesFreed: 0, points: 1, chunksMissing: 0 });
    await wrong.commitPoint({ ...prepared, manifest: prepared.file });
    await wrong.collect({ grace: 0 }, never);
    t.ok(await allReadable(wrong, [...kept, chunk]));
  });

  t.test(`what a backup stored before its crash, collected by a clock ${which}, is sent again at most`, async (t) => {
    const { store, repository, zone } = await newRepository(t, holder);
    const chunk = aChunk();
    const pointId = randomUUID();
    await using writer = repository.writer({ zone, pointId });
    await writer.put(chunk);
    await writer.close();
    Date.now = () => realNow() + shift;
    await using wrong = await openRepository(filesystemStore(store.location), { holder });
    await wrong.collect({}, never);
    const prepared = await preparePoint(wrong, signer, { chunks: 0, absent: [chunk.id] });
    const commit = { ...prepared, manifest: prepared.file };
    await wrong.commitPoint(commit).catch(async (thrown) => {
      t.equal(thrown.code, 'point-incomplete');
      await using again = wrong.writer({ zone, pointId: prepared.pointId });
      await again.put(chunk);
      await again.close();
      await wrong.commitPoint(commit);
    });
    await wrong.collect({ grace: 0 }, never);
    t.ok(await allReadable(wrong, [chunk]));
  });
}
