import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type RunKey, uuidBytes } from '@sealift/crypto';
import {
  type ChunkToStore,
  createRepository,
  filesystemStore,
  openRepository,
  type Repository,
} from '@sealift/repository';
import t from 'tap';
import { encodePackHeader } from '../src/format/pack-header.ts';
import { PackTable } from '../src/index/pack-table.ts';
import { packName } from '../src/layout.ts';
import { saveSnapshot } from '../src/snapshot/save-snapshot.ts';
import { SavedPieces } from '../src/snapshot/saved-pieces.ts';
import { type SnapshotPlace, snapshotPlace } from '../src/snapshot/snapshot-place.ts';
import { aBundle, aChunk, seededChunk } from './fixtures/chunks.ts';
import { anEncrypted, holder, putPlain } from './fixtures/encrypted.ts';
import { aDomain, aSigner, commitPoint } from './fixtures/points.ts';

const never = new AbortController().signal;
const cacheOf = (folder: string) => join(folder, 'cache', 'index');

type Session = { zone: Buffer; run?: RunKey };

async function store(repository: Repository, session: Session, chunks: ChunkToStore[]): Promise<void> {
  await using writer = repository.writer(session);
  await Promise.all(chunks.map((chunk) => writer.put(chunk)));
}

/** What it says of every id, with and without the snapshot, and whether that was of use. */
async function bothWays(folder: string, ask: (repository: Repository) => Promise<unknown> | unknown) {
  const opened = async () => {
    let footers = 0;
    const counted = new Proxy(filesystemStore(folder), {
      get(target, property) {
        const value: unknown = Reflect.get(target, property);
        if (typeof value !== 'function') return value;
        return (...args: unknown[]) => {
          if (property === 'readTail' && String(args[0]).startsWith('packs/')) footers++;
          return value.apply(target, args);
        };
      },
    });
    await using repository = await openRepository(counted, { holder, readOnly: true });
    const answer = await ask(repository);
    return { answer, footers, chunks: repository.stats().chunks, stored: repository.stats().storedBytes };
  };
  const files = await readdir(cacheOf(folder));
  const withIt = await opened();
  await rm(cacheOf(folder), { recursive: true });
  const without = await opened();
  return { withIt, without, files };
}

t.test('several zones, source-side runs and more entries than a piece has come back as they were', async (t) => {
  const folder = t.testdir();
  const zone = uuidBytes((await createRepository(filesystemStore(folder))).id);
  const [one, other] = [await aDomain(), await aDomain()];
  const runs = [one.domain.newRun(), one.domain.newRun(), other.domain.newRun()];
  const sessions: Session[] = [{ zone }, ...runs.map((run) => ({ zone: run.domainId, run }))];
  const stored: { session: Session; chunk: ChunkToStore }[] = [];
  const large = aBundle(300_000, 100);
  const signer = await aSigner();
  {
    await using repository = await openRepository(filesystemStore(folder), { holder });
    for (let i = 0; i < 80; i++) {
      const session = sessions[i % sessions.length] as Session;
      const chunks = [aChunk(100), aBundle(2, 100)];
      await store(repository, session, chunks);
      stored.push(...chunks.map((chunk) => ({ session, chunk })));
    }
    await store(repository, { zone }, [large]);
    await commitPoint(repository, signer, { run: runs[0] as RunKey, descriptor: one.descriptor });
  }
  const places = [0, 1, 150_000, 262_143, 262_144, 299_999];
  const { withIt, without, files } = await bothWays(folder, async (repository) => {
    const ids = stored.flatMap(({ session, chunk }) => {
      return [chunk.id, ...(chunk.members ?? [])].map((id) => repository.lookup(session.zone, id));
    });
    const elsewhere = stored.map(({ session, chunk }) => {
      return sessions.map(({ zone: each }) => each.equals(session.zone) || repository.lookup(each, chunk.id).state);
    });
    const members = places.map((ordinal) => repository.lookup(zone, large.members[ordinal] as Buffer));
    const [point] = await repository.points();
    return { ids, elsewhere, members, runs: await repository.pointRuns((point as { id: string }).id) };
  });
  t.equal(withIt.footers, 0);
  t.equal(without.footers, 82, 'packs of 80 sessions, of the bundle and of the point');
  t.same({ ...withIt, footers: 0 }, { ...without, footers: 0 });
  t.match(withIt.answer, {
    members: places.map((ordinal) => ({ state: 'member', ordinal })),
    runs: { missingCount: 0 },
  });
  t.equal(files.length, 1 + 1 + 4, 'the head, the packs, two pieces of the own zone and one of each other');
});

t.test('after the master key was rotated a snapshot says what is sealed under which key', async (t) => {
  const folder = t.testdir();
  const { store: files, slot, slotKey, zone } = await anEncrypted(folder);
  const sealed: Awaited<ReturnType<typeof putPlain>>[] = [];
  {
    await using repository = await openRepository(files, { holder });
    repository.encryption?.unlock(slot.id, slotKey);
    for (let i = 0; i < 70; i++) sealed.push(await putPlain(repository, `chunk ${i}`));
    t.match(await repository.rotateMasterKey({ resumed: false }, never), { epoch: 2, earlier: [] });
    for (let i = 70; i < 140; i++) sealed.push(await putPlain(repository, `chunk ${i}`));
  }
  const { withIt, without } = await bothWays(folder, async (repository) => {
    repository.encryption?.unlock(slot.id, slotKey);
    const read = sealed.map(async ({ id, inner }) => (await repository.readChunk(zone, id)).body.equals(inner));
    return (await Promise.all(read)).filter((same) => same).length;
  });
  t.equal(withIt.footers, 0);
  t.same({ ...withIt, footers: 0 }, { ...without, footers: 0 });
  t.equal(withIt.answer, 140);
  await using repository = await openRepository(files, { holder });
  repository.encryption?.unlock(slot.id, slotKey);
  const again = await repository.rotateMasterKey({ resumed: false }, never);
  t.match(again, { epoch: 3, earlier: [] }, 'all of it is known to be sealed under the former key');
});

t.test('a snapshot is given up when a collection changes what is known, and the next one holds', async (t) => {
  const zone = Buffer.alloc(16, 1);
  const files = filesystemStore(t.testdir());
  const place = snapshotPlace(files, undefined) as SnapshotPlace;
  const table = new PackTable(zone);
  const chunks = Array.from({ length: 10 }, (_, i) => seededChunk(i, 50));
  for (const [i, { id, type, checksum }] of chunks.entries()) {
    const packId = Buffer.alloc(16, i);
    const header = { packId, zone, createdAt: 1 };
    const pack = table.addPack(header, packName(packId));
    table.pack(pack).length = encodePackHeader(header).length + 200;
    table.addEntry(zone, pack, { id, type, checksum, offset: 128, length: 200, members: Buffer.alloc(0) });
  }
  const index = table.indexOf(zone);
  const amid: SnapshotPlace = {
    ...place,
    async write(name, bytes) {
      await place.write(name, bytes);
      const entry = index?.find((chunks[3] as ChunkToStore).id) ?? -1;
      if (entry >= 0) index?.forget(entry);
    },
  };
  const saved = new SavedPieces();
  t.notOk(await saveSnapshot(amid, table, saved));
  await t.rejects(place.read('head'), { code: 'file-missing' }, 'without a head it does not exist');
  t.ok(await saveSnapshot(place, table, saved));
  t.ok(await place.read('head'));
  t.equal((await files.list('cache/index')).length, 3, 'what was given up is removed');
});
