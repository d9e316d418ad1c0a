import { randomUUID } from 'node:crypto';
import { createRepository, openManifest, openRepository, sealManifest } from '@sealift/repository';
import type { Test } from 'tap';
import { flawed, flipIn, keep, unreadable } from './fixtures/flips.ts';
import { onEachStore, type Place } from './fixtures/places.ts';
import { aSigner } from './fixtures/points.ts';

const holder = randomUUID();
const signer = await aSigner();
const never = new AbortController().signal;
const COPIES = ['config', 'spare/config'] as const;

async function filled(place: Place) {
  const store = await place.open();
  await createRepository(store);
  await using repository = await openRepository(store, { holder });
  return { store, kept: [await keep(repository, signer), await keep(repository, signer)] as const };
}

onEachStore('a damaged or lost copy of the config is told at opening, found and mended', async (t, place) => {
  const { store } = await filled(place);
  const original = await place.readFile('config');
  t.same(await place.readFile('spare/config'), original);
  for (const name of COPIES) {
    // The version, which is looked at first, is the fourth byte and the fifth.
    for (const offset of ['gone', 0, 4, 5, 7, 30, 99] as const) {
      // Without a second copy it is a repository of an earlier version.
      if (offset === 'gone' && name === 'spare/config') continue;
      if (offset === 'gone') await place.removeFile(name);
      else await flipIn(place, name, offset);
      await using repository = await openRepository(store, { holder });
      const problems = repository.problems.map(({ code, message }) => [code, message.includes(`${name} in `)]);
      t.same(problems, [['config-damaged', true]], `${name}, ${offset}`);
      t.same(await flawed(repository), [name]);
      t.match(await repository.repair({ dryRun: true }), { filesMended: 1 });
      t.same(await flawed(repository), [name], 'a dry run changes nothing');
      t.match(await repository.repair({}), { filesMended: 1, filesLeft: 0 });
      t.same(await flawed(repository), []);
      t.same(await place.readFile(name), original);
    }
  }
});

onEachStore(
  'a config that was lost in both copies is written anew while the repository is served',
  async (t, place) => {
    const { store } = await filled(place);
    const original = await place.readFile('config');
    await using repository = await openRepository(store, { holder });
    await place.removeFile('config');
    await flipIn(place, 'spare/config', 40);
    t.same((await flawed(repository)).sort(), [...COPIES]);
    await t.rejects(openRepository(store, { holder, readOnly: true }), { code: 'format-damaged' });
    t.match(await repository.repair({}), { filesMended: 2 });
    for (const name of COPIES) t.same(await place.readFile(name), original);
  },
);

onEachStore('a repository of an earlier version gets its second copies without being asked', async (t, place) => {
  const { store, kept } = await filled(place);
  const spares = await store.list('spare');
  t.same(spares.sort(), ['spare/config', ...kept.map(({ record }) => `spare/points/${record.id}`).sort()]);
  for (const name of spares) await place.removeFile(name);
  {
    await using reader = await openRepository(store, { holder, readOnly: true });
    t.same([reader.problems, await flawed(reader), await store.list('spare')], [[], [], []], 'a reader writes none');
  }
  await using repository = await openRepository(store, { holder });
  t.same([repository.problems, await store.list('spare')], [[], ['spare/config']]);
  await repository.collect({ dryRun: true }, never);
  t.same(await store.list('spare/points'), []);
  t.same((await repository.collect({}, never)).problems, []);
  t.same((await store.list('spare')).sort(), spares);
  t.same(await flawed(repository), []);
});

onEachStore(
  'where a config of another repository was put beside the own one, neither is believed',
  async (t, place) => {
    const { store } = await filled(place);
    const bytes = Buffer.from(await place.readFile('config'));
    for (const name of COPIES) await place.removeFile(name);
    await createRepository(store);
    await place.writeFile('spare/config', bytes);
    await t.rejects(openRepository(store, { holder }), { code: 'config-damaged', message: /different repositories/ });
    await place.removeFile('config');
    await t.rejects(createRepository(store), { code: 'repository-exists' });
    await using repository = await openRepository(store, { holder });
    t.equal((await repository.points()).length, 2);
  },
);

for (const harm of ['damaged', 'lost'] as const) {
  onEachStore(`a point of which one copy is ${harm} goes on as before, and is mended`, async (t, place) => {
    const { store, kept } = await filled(place);
    const { record } = kept[0];
    const original = await place.readFile(`points/${record.id}`);
    for (const name of [`points/${record.id}`, `spare/points/${record.id}`]) {
      if (harm === 'lost' && name.startsWith('spare')) continue;
      if (harm === 'damaged') await flipIn(place, name);
      else await place.removeFile(name);
      await using repository = await openRepository(store, { holder });
      const told = name.startsWith('points') ? ['point-damaged'] : [];
      t.same(
        repository.problems.map(({ code }) => code),
        told,
        name,
      );
      t.same((await repository.points()).map(({ id }) => id).sort(), kept.map((one) => one.record.id).sort());
      t.same((await repository.readPoint(record.id)).manifest, original);
      t.equal((await repository.collect({ grace: 0 }, never)).chunksMissing, 0);
      t.same(await unreadable(repository, [...kept]), [], 'a collection keeps what it needs');
      t.same(await flawed(repository), [name]);
      t.match(await repository.repair({}), { filesMended: 1, filesLeft: 0, affectedPoints: 0 });
      t.same(await flawed(repository), []);
      t.same(await place.readFile(name), original);
    }
  });
}

onEachStore('a point that is removed is gone in both copies', async (t: Test, place) => {
  const { store, kept } = await filled(place);
  const [gone, stays] = kept;
  {
    await using repository = await openRepository(store, { holder });
    await repository.removePoint(gone.record.id, { reason: 'test' });
  }
  t.same(await store.list('spare/points'), [`spare/points/${stays.record.id}`]);
  await using again = await openRepository(store, { holder });
  t.match(await again.points(), [{ id: stays.record.id }]);
  t.equal((await again.points()).length, 1);
});

onEachStore('a second copy that says something else is found, and written anew', async (t, place) => {
  const { store, kept } = await filled(place);
  const { manifest } = openManifest(await place.readFile(`points/${kept[0].record.id}`));
  const name = `spare/points/${manifest.pointId}`;
  await place.writeFile(name, sealManifest({ ...manifest, sequence: 7 }, { identity: signer.identity }));
  await using repository = await openRepository(store, { holder });
  t.same(await flawed(repository), [name]);
  t.match(await repository.points(), [{ sequence: 1 }, { sequence: 1 }]);
  t.match(await repository.repair({}), { filesMended: 1, filesLeft: 0 });
  t.same(await flawed(repository), []);
});
