import { randomBytes, randomUUID } from 'node:crypto';
import { createRepository, openRepository, type Store } from '@sealift/repository';
import type { Test } from 'tap';
import { aSlot } from './fixtures/encrypted.ts';
import { keep, unreadable } from './fixtures/flips.ts';
import { onEachStore, type Place } from './fixtures/places.ts';
import { aDomain, aSigner } from './fixtures/points.ts';

const holder = randomUUID();
const signer = await aSigner();
const never = new AbortController().signal;
const NOW = { grace: 0 };
const { domain, descriptor } = await aDomain();

/** Two points of different runs of a domain, and two in-flight ones. */
async function filled(store: Store) {
  await createRepository(store);
  await using repository = await openRepository(store, { holder });
  const seal = () => keep(repository, signer, { run: domain.newRun(), descriptor });
  const [sealed, other] = [await seal(), await seal()];
  const plain = [await keep(repository, signer), await keep(repository, signer)] as const;
  return { sealed, other, plain, all: [sealed, other, ...plain] };
}

async function ruin(place: Place, pointId: string, harm: 'lost' | 'rubbish'): Promise<void> {
  if (harm === 'lost') await place.removeFile(`references/${pointId}`);
  else await place.writeFile(`references/${pointId}`, randomBytes(300));
}

for (const harm of ['lost', 'rubbish'] as const) {
  onEachStore(`a reference list that is ${harm} is made anew from the runs of its point`, async (t: Test, place) => {
    const store = await place.open();
    const { sealed: lost, other, plain, all } = await filled(store);
    for (const { record } of [lost, plain[0]]) await ruin(place, record.id, harm);
    {
      await using repository = await openRepository(store, { holder });
      t.equal((await repository.points()).length, 4);
      await t.rejects(repository.collect(NOW, never), { code: 'collection-blocked' });
      t.match(await repository.repair({ dryRun: true }), { filesMended: 2, filesLeft: 0 });
      await t.rejects(repository.collect(NOW, never), { code: 'collection-blocked' }, 'a dry run changes nothing');
      const steps: string[] = [];
      t.match(await repository.repair({ onStep: (_file, message) => steps.push(message) }), { filesMended: 2 });
      t.match(steps, [/names all \d+ chunks that the point can refer to/, /names all \d+ chunks/]);
      t.match(await repository.verify({}), { flaws: 0, missingChunks: 0, affectedPoints: 0 });
      t.match(await repository.collect(NOW, never), { points: 4, chunksMissing: 0 });
      t.same(await unreadable(repository, all), []);
    }
    await using again = await openRepository(store, { holder });
    t.same(again.problems, []);
    const { runs, missingCount } = await again.pointRuns(lost.record.id);
    t.match([runs.length, missingCount], [1, 0], 'the keys of no other run belong to it');
    await again.removePoint(other.record.id, { reason: 'test' });
    await again.collect(NOW, never);
    t.same(await unreadable(again, [lost, ...plain]), []);
    t.equal((await unreadable(again, [other])).length, other.ids.length, 'what it cannot refer to is collected');
    await again.lockPoint(lost.record.id, again.now() + 60_000);
    const copy = await again.pointCopy(lost.record.id);
    await t.rejects(copy.references().next(), { code: 'point-damaged', message: /rebuilt/ });
  });
}

onEachStore(
  'a receive time that can still be read is kept, and the new list is made anew like any other',
  async (t, place) => {
    const store = await place.open();
    const { sealed } = await filled(store);
    const { record, zone } = sealed;
    const name = `references/${record.id}`;
    for (let round = 0; round < 2; round++) {
      const bytes = Buffer.from(await place.readFile(name));
      bytes.fill(7, 40, 40 + 64);
      await place.writeFile(name, bytes);
      await using repository = await openRepository(store, { holder });
      t.match(await repository.repair({}), { filesMended: 1, filesLeft: 0 });
      t.match(await repository.verify({}), { flaws: 0 });
    }
    await using again = await openRepository(store, { holder });
    const found = (await again.points()).find(({ id }) => id === record.id);
    t.equal(found?.receivedAt, record.receivedAt);
    t.ok(found?.zone.equals(zone));
  },
);

onEachStore(
  'without its key, the list of an in-flight point waits until the repository is unlocked',
  async (t, place) => {
    const store = await place.open();
    const [slot, slotKey] = [aSlot('first'), randomBytes(32)];
    await createRepository(store, { slot, slotKey });
    let pointId = '';
    {
      await using repository = await openRepository(store, { holder });
      repository.encryption?.unlock(slot.id, slotKey);
      pointId = (await keep(repository, signer, { chunks: 0 })).record.id;
    }
    await ruin(place, pointId, 'lost');
    await using repository = await openRepository(store, { holder });
    const left: string[] = [];
    const onFlaw = (_file: string, { message }: Error) => left.push(message);
    t.match(await repository.repair({ onFlaw }), { filesMended: 0, filesLeft: 1 });
    t.match(left, [/once the repository is unlocked/]);
    repository.encryption?.unlock(slot.id, slotKey);
    const readTree = async function* () {
      yield randomBytes(32);
    };
    t.match(await repository.repair({ readTree }), { filesMended: 1, filesLeft: 0 });
    t.match(await repository.verify({}), { flaws: 0, missingChunks: 1 });
  },
);
