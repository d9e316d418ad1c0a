import { randomUUID } from 'node:crypto';
import { uuidBytes } from '@sealift/crypto';
import { createRepository, openRepository } from '@sealift/repository';
import { aChunk } from './fixtures/chunks.ts';
import { storePack } from './fixtures/collections.ts';
import { onEachStore } from './fixtures/places.ts';
import { aSigner, commitPoint, preparePoint } from './fixtures/points.ts';

onEachStore(
  'a second Transporter is refused, with the name of the first and the time its lease lapses',
  async (t, place) => {
    await createRepository(await place.open());
    const [first, second] = [randomUUID(), randomUUID()];
    {
      await using _served = await openRepository(await place.open(), { holder: first });
      const refused = openRepository(await place.open(), { holder: second });
      await t.rejects(refused, {
        code: 'repository-in-use',
        kind: 'retry',
        message: new RegExp(`served by Transporter ${first}; its lease lapses at \\d{4}-\\d\\d-\\d\\dT`),
      });
      await using reader = await openRepository(await place.open(), { holder: second, readOnly: true });
      t.ok(reader.readOnly);
    }
    await using served = await openRepository(await place.open(), { holder: second });
    t.notOk(served.readOnly, 'free again at once after closing');
  },
);

onEachStore('the same Transporter opens again at once, and its former self writes no more', async (t, place) => {
  const store = await place.open();
  const zone = uuidBytes((await createRepository(store)).id);
  const holder = randomUUID();
  const signer = await aSigner();
  const former = await openRepository(store, { holder });
  const prepared = await preparePoint(former, signer);
  await using again = await openRepository(store, { holder });
  const commit = former.commitPoint({
    pointId: prepared.pointId,
    manifest: prepared.file,
    references: prepared.references,
  });
  await t.rejects(commit, { code: 'lease-lost' });
  await t.rejects(former.writer({ zone }).put(aChunk()), { code: 'lease-lost' });
  await former[Symbol.asyncDispose]();
  await using writer = again.writer({ zone });
  await writer.put(aChunk());
  t.equal((await store.list('leases')).length, 1, 'closing the former self takes nothing away');
});

onEachStore('a lease without a sign of life for a minute may be taken over', async (t, place) => {
  const store = await place.open();
  await createRepository(store);
  await using former = await openRepository(store, { holder: randomUUID() });
  const [name] = (await store.list('leases')) as [string];
  await using later = await place.lapse(name, 61_000);
  await using taken = await openRepository(later.store, { holder: randomUUID() });
  t.equal(taken.id, former.id);
  const prepared = await preparePoint(taken, await aSigner());
  const commit = { pointId: prepared.pointId, manifest: prepared.file, references: prepared.references };
  await t.rejects(former.commitPoint(commit), { code: 'lease-lost' });
  await taken.commitPoint(commit);
});

onEachStore('of several Transporters that open at the same instant at most one is served', async (t, place) => {
  await createRepository(await place.open());
  for (let round = 0; round < 5; round++) {
    const attempts = Array.from({ length: 4 }, async () =>
      openRepository(await place.open(), { holder: randomUUID() }),
    );
    const results = await Promise.allSettled(attempts);
    const served = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
    t.ok(served.length <= 1, `${served.length} served`);
    for (const result of results)
      if (result.status === 'rejected') t.match(result.reason, { code: 'repository-in-use' });
    await Promise.all(served.map((repository) => repository[Symbol.asyncDispose]()));
  }
});

onEachStore('only one program at a time takes packs away, and one that was taken over stops', async (t, place) => {
  const store = await place.open();
  await createRepository(store);
  await using repository = await openRepository(store, { holder: randomUUID() });
  const other = randomUUID();
  const never = new AbortController().signal;
  const mark = `upkeep/000000000007-${other}`;
  await store.mark(mark);
  const refusal = { code: 'collection-running', message: new RegExp(other) };
  await t.rejects(repository.collect({}, never), refusal);
  await t.rejects(repository.repair({}), refusal);
  await t.rejects(repository.rotateMasterKey({ resumed: false }, never), refusal);
  await repository.collect({ dryRun: true }, never);
  await repository.repair({ dryRun: true });
  await store.remove(mark);

  await commitPoint(repository, await aSigner());
  await storePack(repository, [aChunk()]);
  const packs = (await store.list('packs')).length;
  const taken: Promise<void>[] = [];
  const onProgress = () => {
    if (taken.length === 0) taken.push(store.mark(mark));
  };
  await t.rejects(repository.collect({ grace: 0, onProgress }, never), { code: 'upkeep-lost' });
  t.equal((await store.list('packs')).length, packs, 'nothing went any more');
  await store.remove(mark);
  t.match(await repository.collect({ grace: 0 }, never), { packsDead: 1 });
});
