import { randomUUID } from 'node:crypto';
import { uuidBytes } from '@sealift/crypto';
import { filesystemStore, openRepository } from '@sealift/repository';
import t from 'tap';
import { aBundle, aChunk } from './fixtures/chunks.ts';
import { allReadable, commitChunks, newRepository, packBytes, storePack } from './fixtures/collections.ts';
import { aDomain, aSigner, commitPoint, preparePoint } from './fixtures/points.ts';

const holder = randomUUID();
const signer = await aSigner();
const never = new AbortController().signal;
const NOW = { grace: 0 };

t.test('packs that only removed points needed are deleted; what is needed stays, also after reopening', async (t) => {
  const { store, repository } = await newRepository(t, holder);
  const kept = [aChunk(5000), aBundle(10, 4000)];
  const dropped = [aChunk(90_000), aBundle(7, 1000)];
  await commitChunks(repository, signer, kept);
  const point = await commitChunks(repository, signer, dropped);
  const full = await packBytes(store);
  t.match(await repository.collect(NOW, never), { bytesFreed: 0, packsDead: 0, packsRepacked: 0, points: 2 });
  await repository.removePoint(point.id, { reason: 'test' });
  t.ok(await allReadable(repository, dropped), 'removing a point takes no chunk away');

  const foretold = await repository.collect({ ...NOW, dryRun: true }, never);
  t.equal(await packBytes(store), full, 'a dry run changes nothing');
  const report = await repository.collect(NOW, never);
  const left = await packBytes(store);
  t.match(report, { dryRun: false, points: 1, packsDead: 2, packsRepacked: 0, chunksMissing: 0, problems: [] });
  t.match(foretold, { dryRun: true, packsDead: 2, bytesFreed: report.bytesFreed, bytesAfter: left });
  t.ok(report.bytesFreed > 91_000 && left === full - report.bytesFreed);
  t.match(report, { bytesBefore: full, bytesAfter: left, packsBefore: 4, packsAfter: 2 });
  t.match(repository.stats(), { storedBytes: left, chunks: 3 });
  t.ok(await allReadable(repository, kept));
  for (const { id } of dropped) t.same(repository.lookup(uuidBytes(repository.id), id), { state: 'missing' });
  const member = dropped[1]?.members?.[3] as Buffer;
  t.same(repository.lookup(uuidBytes(repository.id), member), { state: 'missing' }, 'nor is a member known any more');
  await repository[Symbol.asyncDispose]();
  await using again = await openRepository(store, { holder });
  t.ok(await allReadable(again, kept));
  t.match(again.stats(), { storedBytes: left, chunks: 3 });
});

t.test('a pack of which little is needed is rewritten with the same bodies, run and zone', async (t) => {
  const { store, repository } = await newRepository(t, holder);
  const { domain, descriptor } = await aDomain();
  const run = domain.newRun();
  const zone = domain.domainId;
  const stays = [aChunk(3000), aBundle(5, 2000)];
  const goes = [aChunk(70_000), aChunk(20_000)];
  {
    await using writer = repository.writer({ zone, run });
    await Promise.all([...stays, ...goes].map((chunk) => writer.put(chunk)));
  }
  const absent = stays.map(({ id }) => id);
  const point = await commitPoint(repository, signer, { run, descriptor, chunks: 0, absent });
  const before = await store.list('packs');
  const report = await repository.collect(NOW, never);
  t.match(report, { packsRepacked: 1, packsDead: 0, problems: [] });
  t.ok(report.bytesFreed > 89_000 && report.bytesRepacked > 5000 && report.bytesRepacked < 6000);
  t.not((await store.list('packs')).sort().join(), before.sort().join());
  await repository[Symbol.asyncDispose]();
  await using again = await openRepository(store, { holder });
  t.same(again.problems, []);
  for (const { id, body, type } of stays) t.same(await again.readChunk(zone, id), { type, body });
  t.match(again.lookup(zone, stays[1]?.members?.[2] as Buffer), { state: 'member', ordinal: 2 });
  for (const { id } of goes) t.same(again.lookup(zone, id), { state: 'missing' });
  const references = await again.references({ pointId: randomUUID(), zone });
  await references.append(Buffer.concat(absent));
  t.same((await references.finish()).runs, [{ runSalt: run.runSalt, epoch: run.epoch, commitment: run.commitment }]);
  t.equal((await again.collect(NOW, never)).bytesFreed, 0, 'nothing is left to do');
  t.match(await again.points(), [{ id: point.id }]);
});

t.test('above the threshold a pack stays as it is, and what waits in it is told', async (t) => {
  const { repository } = await newRepository(t, holder);
  await using _open = repository;
  const [stays, goes] = [aChunk(70_000), aChunk(30_000)];
  await storePack(repository, [stays, goes]);
  await commitPoint(repository, signer, { chunks: 0, absent: [stays.id] });
  const report = await repository.collect(NOW, never);
  t.match(report, { packsRepacked: 0, bytesFreed: 0, bytesWaiting: 30_084 });
  t.match(await repository.collect({ ...NOW, threshold: 0.9 }, never), { packsRepacked: 1, bytesWaiting: 0 });
  t.ok(await allReadable(repository, [stays]));
});

t.test('what an open session stored or was told stays until it is closed', async (t) => {
  const { repository, zone } = await newRepository(t, holder);
  await using _open = repository;
  const [told, stored, member] = [aChunk(), aChunk(), aBundle(4)];
  await storePack(repository, [told]);
  await storePack(repository, [member]);
  await repository.collect({ ...NOW, dryRun: true }, never);
  {
    await using writer = repository.writer({ zone });
    await writer.put(stored);
    t.same(repository.lookup(zone, told.id), { state: 'chunk' });
    t.match(repository.lookup(zone, member.members[2] as Buffer), { state: 'member' });
    t.equal((await repository.collect(NOW, never)).bytesFreed, 0);
    t.ok(await allReadable(repository, [told, stored, member]));
  }
  t.ok((await repository.collect(NOW, never)).bytesFreed > 3000);
  t.match(repository.stats(), { chunks: 0, storedBytes: 0 });
});

t.test('a chunk that is asked for between mark and sweep stays', async (t) => {
  const { repository, zone } = await newRepository(t, holder);
  await using _open = repository;
  await commitPoint(repository, signer);
  const [asked, other] = [aChunk(), aChunk()];
  await storePack(repository, [asked, other]);
  const onProgress = () => void repository.lookup(zone, asked.id);
  const report = await repository.collect({ ...NOW, onProgress }, never);
  t.match(report, { packsDead: 0 });
  t.ok(await allReadable(repository, [asked]));
});

t.test('a point committed between mark and sweep keeps what it needs', async (t) => {
  const { repository } = await newRepository(t, holder);
  await using _open = repository;
  await commitPoint(repository, signer);
  const chunks = [aChunk(), aChunk(50_000)];
  await storePack(repository, chunks);
  const prepared = await preparePoint(repository, signer, { chunks: 0, absent: chunks.map(({ id }) => id) });
  let committing: Promise<unknown> | undefined;
  const onProgress = () => {
    committing ??= repository.commitPoint({ ...prepared, manifest: prepared.file });
  };
  await repository.collect({ ...NOW, onProgress }, never);
  await committing;
  await repository.collect(NOW, never);
  t.ok(await allReadable(repository, [...chunks, ...prepared.chunks]));
});

t.test('chunks that were collected before a commit make it fail, and are stored when sent again', async (t) => {
  const { repository } = await newRepository(t, holder);
  await using _open = repository;
  const chunk = aChunk();
  await storePack(repository, [chunk]);
  await repository.collect(NOW, never);
  const { pointId, file, references } = await preparePoint(repository, signer, { chunks: 0, absent: [chunk.id] });
  await t.rejects(repository.commitPoint({ pointId, manifest: file, references }), { code: 'point-incomplete' });
  await storePack(repository, [chunk]);
  await repository.commitPoint({ pointId, manifest: file, references });
  t.ok(await allReadable(repository, [chunk]));
});

t.test('a backup that was cut off by a crash finds what it stored when it comes back within a day', async (t) => {
  const { store, repository, zone } = await newRepository(t, holder);
  const chunk = aChunk();
  const pointId = randomUUID();
  await using writer = repository.writer({ zone, pointId });
  await writer.put(chunk);
  t.match(await store.list('sessions'), { length: 1 });
  await writer.close();
  // The same Transporter starts again without having closed anything.
  const again = await openRepository(filesystemStore(store.location), { holder });
  t.equal((await again.collect({}, never)).bytesFreed, 0);
  const prepared = await preparePoint(again, signer, { chunks: 0, absent: [chunk.id] });
  await again.commitPoint({ ...prepared, manifest: prepared.file });
  t.ok(await allReadable(again, [chunk]));
  await again[Symbol.asyncDispose]();
  await using last = await openRepository(filesystemStore(store.location), { holder });
  t.same((await store.list('sessions')).length, 1, 'the mark of the point that was never committed');
  await last.collect(NOW, never);
  t.ok(await allReadable(last, [chunk]));
});

t.test('the mark of a session goes with the commit of its point', async (t) => {
  const { store, repository, zone } = await newRepository(t, holder);
  await using _open = repository;
  const prepared = await preparePoint(repository, signer);
  await using writer = repository.writer({ zone, pointId: prepared.pointId });
  await writer.put(aChunk());
  t.equal((await store.list('sessions')).length, 1);
  await repository.commitPoint({ ...prepared, manifest: prepared.file });
  t.same(await store.list('sessions'), []);
});

t.test('a reader of another process finds chunks whose pack was rewritten since it opened', async (t) => {
  const { store, repository } = await newRepository(t, holder);
  await using _open = repository;
  const [first, second, dead] = [aChunk(), aChunk(), [aChunk(50_000), aChunk(60_000)]];
  await storePack(repository, [first, dead[0] as ReturnType<typeof aChunk>]);
  await storePack(repository, [second, dead[1] as ReturnType<typeof aChunk>]);
  const unread = aChunk();
  const removed = await commitChunks(repository, signer, [unread]);
  await commitPoint(repository, signer, { chunks: 0, absent: [first.id, second.id] });
  const readerStore = filesystemStore(store.location);
  await using reader = await openRepository(readerStore, { holder: randomUUID(), readOnly: true });
  t.match(await repository.collect(NOW, never), { packsRepacked: 2 });
  // Files kept open could be read on after they were removed.
  await readerStore[Symbol.asyncDispose]();
  t.ok(await allReadable(reader, [first, second]));
  await repository.removePoint(removed.id, { reason: '' });
  await repository.collect(NOW, never);
  await readerStore[Symbol.asyncDispose]();
  await t.rejects(reader.readChunk(uuidBytes(repository.id), unread.id), { code: 'chunk-missing' });
  await t.rejects(reader.collect(NOW, never), { code: 'opened-read-only' });
});

t.test(
  'two collections at once are refused, one that is cut off is made good by the next, closing ends one',
  async (t) => {
    const { store, repository } = await newRepository(t, holder);
    const kept = [aChunk(), aChunk()];
    await commitChunks(repository, signer, kept);
    for (let i = 0; i < 5; i++) await storePack(repository, [aChunk(20_000)]);
    const running = repository.collect({ ...NOW, bytesPerSecond: 1 }, never);
    await t.rejects(repository.collect(NOW, never), { code: 'collection-running' });
    await Promise.all([t.rejects(running, { code: 'repository-closed' }), repository[Symbol.asyncDispose]()]);
    await using again = await openRepository(store, { holder });
    const stop = new AbortController();
    const onProgress = ({ phase, done }: { phase: string; done: number }) => {
      if (phase === 'sweep' && done === 2) stop.abort();
    };
    await t.rejects(again.collect({ ...NOW, onProgress }, stop.signal), { name: 'AbortError' });
    t.equal((await store.list('packs')).length, 5);
    t.match(await again.collect(NOW, never), { packsDead: 3 });
    t.ok(await allReadable(again, kept));
    await t.rejects(again.collect({ threshold: 2 }, never), { code: 'format-limit' });
  },
);
