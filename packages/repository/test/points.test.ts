import { randomBytes, randomUUID } from 'node:crypto';
import { chmod } from 'node:fs/promises';
import { CHUNK_TYPE, uuidBytes } from '@sealift/crypto';
import { createRepository, openManifest, openRepository, type Store } from '@sealift/repository';
import { aChunk, sha256 } from './fixtures/chunks.ts';
import { onEachStore, type Place } from './fixtures/places.ts';
import { aDomain, aSigner, commitPoint, preparePoint } from './fixtures/points.ts';

const holder = randomUUID();
const signer = await aSigner();
const { domain, descriptor } = await aDomain();

async function newRepository(place: Place) {
  const store = await place.open();
  await createRepository(store);
  return { store, repository: await openRepository(store, { holder }) };
}

async function everything(store: Store): Promise<string[]> {
  const folders = ['packs', 'points', 'references', 'leases', 'incoming'];
  return (await Promise.all(folders.map((folder) => store.list(folder)))).flat().sort();
}

onEachStore('a committed point is listed and read back byte for byte, also after reopening', async (t, place) => {
  const { store, repository } = await newRepository(place);
  const run = domain.newRun();
  const plain = await commitPoint(repository, signer);
  const prepared = await preparePoint(repository, signer, { run, descriptor });
  const sealed = await repository.commitPoint({ ...prepared, manifest: prepared.file });
  t.ok(sealed.hash.equals(sha256(prepared.file)));
  t.same(prepared.summary.runs.length, 1);
  await repository[Symbol.asyncDispose]();

  await using again = await openRepository(store, { holder: randomUUID(), readOnly: true });
  t.same(
    await again.points(),
    [plain, sealed].sort((a, b) => a.receivedAt - b.receivedAt),
  );
  const { manifest, record } = await again.readPoint(sealed.id);
  t.ok(manifest.equals(prepared.file));
  t.same(record, sealed);
  const opened = openManifest(manifest, { authority: signer.authority.certificate, runKey: () => run });
  t.same(opened.manifest, prepared.manifest);
  t.equal(opened.signer.id, signer.identity.id);
  await t.rejects(again.readPoint(randomUUID()), { code: 'point-missing' });
});

onEachStore(
  'committing the same bytes again gives the same record, other bytes under the same id are refused',
  async (t, place) => {
    const { repository } = await newRepository(place);
    await using _open = repository;
    const prepared = await preparePoint(repository, signer);
    const commit = { pointId: prepared.pointId, manifest: prepared.file, references: prepared.references };
    const [first, second] = await Promise.all([repository.commitPoint(commit), repository.commitPoint(commit)]);
    t.same(first, second);
    const other = await preparePoint(repository, signer, { bend: (m) => ({ ...m, pointId: prepared.pointId }) });
    const references = await repository.references(prepared);
    const clash = { pointId: prepared.pointId, manifest: other.file, references };
    await t.rejects(repository.commitPoint(clash), { code: 'point-exists' });
    t.equal(repository.stats().points, 1);
  },
);

onEachStore('a point that refers to chunks that are not there is refused with their number', async (t, place) => {
  const { store, repository } = await newRepository(place);
  await using _open = repository;
  const late = aChunk();
  const { file, pointId, references, zone, summary } = await preparePoint(repository, signer, {
    absent: [randomBytes(32), late.id],
  });
  t.equal(summary.missingCount, 2);
  t.ok(summary.missing[1]?.equals(late.id));
  await using writer = repository.writer({ zone });
  await writer.put(late);
  t.equal((await references.finish()).missingCount, 1, 'asked again after one was sent');
  await t.rejects(repository.commitPoint({ pointId, manifest: file, references }), {
    code: 'point-incomplete',
    message: / 1 chunks/,
  });
  t.same(await repository.points(), []);
  t.same(await store.list('points'), []);
});

onEachStore('at most 1024 missing chunks are named, all are counted', async (t, place) => {
  const { repository } = await newRepository(place);
  await using _open = repository;
  await using references = await repository.references({ pointId: randomUUID(), zone: uuidBytes(repository.id) });
  for (let i = 0; i < 5; i++) await references.append(randomBytes(32 * 4000));
  const summary = await references.finish();
  t.match(summary, { count: 20_000, missingCount: 20_000 });
  t.equal(summary.missing.length, 1024);
});

const BENDS: Parameters<typeof preparePoint>[2][] = [
  { bend: (m) => ({ ...m, references: { ...m.references, count: m.references.count + 1 } }) },
  { bend: (m) => ({ ...m, references: { ...m.references, hash: randomBytes(32) } }) },
  { bend: (m) => ({ ...m, pointId: randomUUID() }) },
];

onEachStore('a manifest that does not fit its references or its session is refused', async (t, place) => {
  const { store, repository } = await newRepository(place);
  await using _open = repository;
  const refuse = async (o: Parameters<typeof preparePoint>[2], code: string) => {
    const { pointId, file, references } = await preparePoint(repository, signer, o);
    await t.rejects(repository.commitPoint({ pointId, manifest: file, references }), { code });
  };
  for (const bend of BENDS) await refuse(bend, 'point-refused');
  await refuse({ bend: (m) => ({ ...m, zone: randomBytes(16) }) }, 'wrong-zone');
  const run = domain.newRun();
  const inFlight = { mode: 'in-flight' as const, runs: [] };
  await refuse({ run, descriptor, bend: ({ run: _, descriptor: __, ...m }) => ({ ...m, ...inFlight }) }, 'wrong-zone');
  await refuse({ run, descriptor, bend: (m) => ({ ...m, runs: [] }) }, 'point-refused');
  const other = { runSalt: randomBytes(32), epoch: 1, commitment: randomBytes(32) };
  await refuse({ run, descriptor, bend: (m) => ({ ...m, runs: [...m.runs, other] }) }, 'point-refused');
  await refuse({ bend: (m) => ({ ...m, body: randomBytes(32) }) }, 'point-incomplete');
  t.same(await store.list('points'), []);
});

onEachStore(
  'which runs a point needs is found in its references, with those that are lost counted',
  async (t, place) => {
    const { repository } = await newRepository(place);
    const [first, second] = [domain.newRun(), domain.newRun()];
    await commitPoint(repository, signer, { run: first, descriptor });
    const { id, hash } = await commitPoint(repository, signer, { run: second, descriptor });
    const found = await repository.pointRuns(id);
    t.ok(found.hash.equals(hash));
    t.equal(found.missingCount, 0);
    t.same(
      found.runs.map(({ runSalt }) => runSalt.toString('hex')),
      [second.runSalt.toString('hex')],
      'not the run of another point',
    );
    await repository[Symbol.asyncDispose]();
    const store = await place.open();
    for (const name of await store.list('packs')) {
      if ((await place.readFile(name)).includes(second.runSalt)) await place.removeFile(name);
    }
    await using again = await openRepository(store, { holder });
    const left = await again.pointRuns(id);
    t.ok(left.missingCount > 0);
    t.same(left.runs, found.runs, 'the run that made it is known by its manifest');
    await t.rejects(again.pointRuns(randomUUID()), { code: 'file-missing' });
  },
);

onEachStore('a forged manifest is refused at the commit', async (t, place) => {
  const { repository } = await newRepository(place);
  await using _open = repository;
  const { pointId, file, references } = await preparePoint(repository, signer);
  const bent = Buffer.from(file);
  bent.writeUInt8(bent.readUInt8(60) ^ 1, 60);
  sha256(bent.subarray(0, -32)).copy(bent, bent.length - 32);
  await t.rejects(repository.commitPoint({ pointId, manifest: bent, references }), { code: 'manifest-forged' });
});

onEachStore('a body of another type than a manifest body is refused', async (t, place) => {
  const { repository } = await newRepository(place);
  await using _open = repository;
  const zone = uuidBytes(repository.id);
  const data = aChunk(10, CHUNK_TYPE.data);
  await using writer = repository.writer({ zone });
  await writer.put(data);
  const { pointId, file, references } = await preparePoint(repository, signer, {
    bend: (m) => ({ ...m, body: data.id }),
  });
  await t.rejects(repository.commitPoint({ pointId, manifest: file, references }), { code: 'point-incomplete' });
});

onEachStore('references given up and references of points never committed leave nothing behind', async (t, place) => {
  const { store, repository } = await newRepository(place);
  {
    await using references = await repository.references({ pointId: randomUUID(), zone: uuidBytes(repository.id) });
    await references.append(randomBytes(320));
    await references.finish();
  }
  t.same(await store.unfinished(), []);
  const point = await commitPoint(repository, signer);
  await repository[Symbol.asyncDispose]();
  for (const folder of ['points', 'spare/points']) await place.removeFile(`${folder}/${point.id}`);
  if (place.kind === 'files') await place.writeFile('incoming/torn.tmp', 'half');
  await using again = await openRepository(store, { holder });
  t.same(await again.points(), []);
  t.same(await store.list('references'), []);
  t.same(await store.list('incoming'), []);
});

onEachStore('a damaged point is reported and left out, the others stay', async (t, place) => {
  const { store, repository } = await newRepository(place);
  const [bad, good] = [await commitPoint(repository, signer), await commitPoint(repository, signer)];
  await repository[Symbol.asyncDispose]();
  const bytes = await place.readFile(`points/${bad.id}`);
  bytes.writeUInt8(bytes.readUInt8(100) ^ 4, 100);
  for (const folder of ['points', 'spare/points']) await place.writeFile(`${folder}/${bad.id}`, bytes);
  await using again = await openRepository(store, { holder });
  t.same(await again.points(), [good]);
  t.match(again.problems, [{ code: 'point-damaged', message: new RegExp(bad.id) }]);
  t.equal((await store.list('references')).length, 2, 'what belongs to a damaged point is kept');
});

onEachStore('a point whose reference list is damaged stays, with a warning', async (t, place) => {
  const { store, repository } = await newRepository(place);
  const point = await commitPoint(repository, signer);
  await repository[Symbol.asyncDispose]();
  await place.writeFile(`references/${point.id}`, 'rubbish');
  await using again = await openRepository(store, { holder });
  t.match(await again.points(), [{ id: point.id }]);
  t.match(again.problems, [{ code: 'point-damaged' }]);
});

onEachStore('opened for reading, a repository needs no lease and writes nothing', async (t, place) => {
  const { store, repository } = await newRepository(place);
  await using _open = repository;
  const point = await commitPoint(repository, signer);
  const before = await everything(store);
  if (place.kind === 'files') await chmod(place.address, 0o500);
  await using reader = await openRepository(store, { holder: randomUUID(), readOnly: true });
  t.match(await reader.points(), [{ id: point.id }]);
  t.throws(() => reader.writer({ zone: uuidBytes(reader.id) }), { code: 'opened-read-only' });
  const references = { pointId: randomUUID(), zone: uuidBytes(reader.id) };
  await t.rejects(reader.references(references), { code: 'opened-read-only' });
  t.same(await everything(store), before);
});

onEachStore(
  'a reader that opened in the middle of a session sees its chunks, also after their pack is finished',
  async (t, place) => {
    const { repository } = await newRepository(place);
    const zone = uuidBytes(repository.id);
    const chunk = aChunk(5000);
    const writer = repository.writer({ zone });
    await writer.put(chunk);
    await using reader = await openRepository(await place.open(), {
      holder: randomUUID(),
      readOnly: true,
    });
    await repository[Symbol.asyncDispose]();
    t.same(reader.problems, []);
    t.ok((await reader.readChunk(zone, chunk.id)).body.equals(chunk.body));
  },
);
