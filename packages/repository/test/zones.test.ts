import { randomBytes } from 'node:crypto';
import { newUuidBytes, uuidText } from '@sealift/crypto';
import { createRepository, openRepository } from '@sealift/repository';
import t from 'tap';
import { anEncrypted, aSlot, holder } from './fixtures/encrypted.ts';
import { flawed, flipIn } from './fixtures/flips.ts';
import { onEachStore } from './fixtures/places.ts';

const zone = newUuidBytes();
const secret = randomBytes(32);
const COPIES = [`zones/${uuidText(zone)}`, `spare/zones/${uuidText(zone)}`] as const;

onEachStore(
  'the secret of a foreign zone outlives the loss of either copy, which is found and mended',
  async (t, place) => {
    const store = await place.open();
    await createRepository(store);
    {
      await using repository = await openRepository(store, { holder });
      t.throws(() => repository.zones.of(zone), { code: 'zone-unknown' });
      await repository.zones.keep(zone, secret);
      await repository.zones.keep(zone, secret);
      await t.rejects(repository.zones.keep(zone, randomBytes(32)), { code: 'zone-differs' });
    }
    const original = await place.readFile(COPIES[0]);
    for (const name of COPIES) {
      await flipIn(place, name);
      await using repository = await openRepository(store, { holder });
      t.same(repository.zones.of(zone), secret);
      t.same(
        repository.problems.map(({ code }) => code),
        ['file-damaged'],
      );
      t.same(await flawed(repository), [name]);
      t.match(await repository.repair({ dryRun: true }), { filesMended: 1 });
      t.match(await repository.repair({}), { filesMended: 1, filesLeft: 0 });
      t.same(await place.readFile(name), original);
      t.same(await flawed(repository), []);
    }
    for (const name of COPIES) {
      await place.removeFile(name);
      await using repository = await openRepository(store, { holder });
      t.same(repository.zones.of(zone), secret);
      t.same(await place.readFile(name), original, 'the lost copy is written at the next opening');
    }
  },
);

t.test(
  'encrypted at rest, secrets of zones are in the key table: kept over rotations, closed while it is locked',
  async (t) => {
    const directory = t.testdir();
    const { store, slot, slotKey } = await anEncrypted(directory);
    const other = aSlot('second');
    const otherKey = randomBytes(32);
    {
      await using repository = await openRepository(store, { holder });
      await t.rejects(repository.zones.keep(zone, secret), { code: 'repository-locked' });
      repository.encryption?.unlock(slot.id, slotKey);
      await repository.zones.keep(zone, secret);
      await repository.encryption?.rotate();
      await repository.encryption?.retainMasterKeys(() => new Set());
      await repository.encryption?.addSlot(other, otherKey);
      t.same(repository.zones.of(zone), secret);
    }
    await using repository = await openRepository(store, { holder });
    t.ok(repository.zones.has(zone), 'which zones there are is no secret');
    t.throws(() => repository.zones.of(zone), { code: 'repository-locked' });
    repository.encryption?.unlock(other.id, otherKey);
    t.same(repository.zones.of(zone), secret);
    t.throws(() => repository.zones.of(newUuidBytes()), { code: 'zone-unknown' });
    t.same(await store.list('zones'), [], 'nothing stands beside the key table');
  },
);
