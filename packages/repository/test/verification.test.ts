import { randomBytes, randomInt, randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import type { Failure } from '@sealift/core';
import { newUuidBytes, uuidBytes } from '@sealift/crypto';
import {
  type AffectedPoint,
  createRepository,
  filesystemStore,
  openRepository,
  type Repository,
  type VerifyOptions,
} from '@sealift/repository';
import t from 'tap';
import { aBundle, aChunk } from './fixtures/chunks.ts';
import { allFiles, flip, type Kept, keep, unreadable, whole } from './fixtures/flips.ts';
import { aDomain, aSigner } from './fixtures/points.ts';

const TRIALS = 3000;
const holder = randomUUID();
const signer = await aSigner();
const { domain, descriptor } = await aDomain();

/** Points in both modes, each with packs of its own, locked, held and removed ones, and a bundle. */
async function filledRepository(directory: string) {
  const store = filesystemStore(directory);
  await createRepository(store);
  await using repository = await openRepository(store, { holder });
  const kept = [await keep(repository, signer), await keep(repository, signer, { chunks: 5 })];
  kept.push(await keep(repository, signer, { run: domain.newRun(), descriptor }));
  const gone = await keep(repository, signer, { chunks: 1 });
  await repository.removePoint(gone.record.id, { reason: 'not wanted' });
  await repository.lengthenLeastLock(1000);
  await repository.lockPoint((kept[0] as Kept).record.id, Date.now() + 60_000);
  await repository.holdPoint((kept[1] as Kept).record.id, 'for the auditors');
  await using writer = repository.writer({ zone: uuidBytes(repository.id) });
  await Promise.all([writer.put(aBundle(3)), writer.put(aChunk(200_000))]);
  return { store, kept };
}

async function look(repository: Repository, options: VerifyOptions = {}) {
  const flaws: { file: string; failure: Failure }[] = [];
  const affected: AffectedPoint[] = [];
  const found = await repository.verify({
    ...options,
    onFlaw: (file, failure) => flaws.push({ file, failure }),
    onAffected: (point) => affected.push(point),
  });
  return { ...found, files: flaws.map(({ file }) => file), failures: flaws, affected };
}

t.test('a whole repository has no flaw, and everything in it was read', async (t) => {
  const { store } = await filledRepository(t.testdir());
  await using repository = await openRepository(store, { holder });
  const seen: number[] = [];
  const found = await look(repository, { onProgress: ({ bytesRead }) => seen.push(bytesRead) });
  t.same(found.failures, []);
  const { chunks, storedBytes } = repository.stats();
  t.match(found, { packs: 5, packsRead: 5, chunksRead: chunks, bytesRead: storedBytes, points: 3, idsProven: 0 });
  t.match(found, { damagedChunks: 0, missingChunks: 0, affectedPoints: 0 });
  t.ok((found.verifiedSince ?? 0) > Date.now() - 60_000);
  t.equal(seen.at(-1), storedBytes);
});

t.test(
  `one bit flipped in any file is always found, and what it does not touch can be read (${TRIALS} trials)`,
  async (t) => {
    const { store, kept } = await filledRepository(t.testdir());
    await using repository = await openRepository(store, { holder, readOnly: true });
    const files = await allFiles(store);
    const kinds = new Map<string, number>();
    for (let trial = 0; trial < TRIALS; trial++) {
      const { name, length } = files[trial % files.length] as (typeof files)[number];
      const offset = randomInt(length);
      await using _flipped = await flip(store, name, offset);
      const { files: damaged, damagedChunks } = await look(repository);
      const where = `${name} at ${offset} of ${length}`;
      if (!damaged.includes(name) || damaged.some((file) => file !== name)) t.fail(`${where}: found ${damaged}`);
      const lost = await unreadable(repository, kept);
      // The bundle and the large chunk belong to no point.
      if (lost.length > Math.min(1, damagedChunks)) t.fail(`${where}: ${lost.length} chunks cannot be read`);
      const kind = name.split('/')[0] as string;
      kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
      await turn();
    }
    t.same([...kinds.keys()].sort(), [
      ...['config', 'least-locks', 'locks', 'packs', 'points', 'references', 'removals', 'spare'],
    ]);
    t.same((await look(repository)).failures, [], 'and put back it is whole');
  },
);

t.test('a flipped bit costs a repository that is opened anew nothing but what it touches', async (t) => {
  const { store, kept } = await filledRepository(t.testdir());
  const files = (await allFiles(store)).filter(({ name }) => name !== 'config');
  for (let trial = 0; trial < 200; trial++) {
    const { name, length } = files[trial % files.length] as (typeof files)[number];
    const offset = randomInt(length);
    await using _flipped = await flip(store, name, offset);
    await using repository = await openRepository(store, { holder, readOnly: true });
    const points = new Set((await repository.points()).map(({ id }) => id));
    const gone = kept.filter(({ record }) => !points.has(record.id)).map(({ record }) => `points/${record.id}`);
    const lost = await unreadable(repository, kept);
    const where = `${name} at ${offset} of ${length}`;
    if (gone.some((file) => file !== name)) t.fail(`${where}: ${gone} gone`);
    if (lost.length > (name.startsWith('packs/') ? 6 : 0)) t.fail(`${where}: ${lost.length} chunks cannot be read`);
  }
  t.pass();
});

t.test('the points that lost chunks belong to are named, and how often they refer to them', async (t) => {
  const { store, kept } = await filledRepository(t.testdir());
  await using repository = await openRepository(store, { holder });
  const [first, second] = kept as [Kept, Kept];
  const damaged = second.ids[2] as Buffer;
  const packs = await store.list('packs');
  const holding = await Promise.all(packs.map(async (name) => (await whole(store, name)).includes(damaged)));
  const name = packs[holding.indexOf(true)] as string;
  const bytes = await whole(store, name);
  await using _flipped = await flip(store, name, bytes.indexOf(damaged) + 200);
  const found = await look(repository);
  t.match(found, { damagedChunks: 1, missingChunks: 0, affectedPoints: 1, flaws: 1 });
  t.match(found.failures, [{ file: name, failure: { code: 'chunk-damaged', kind: 'corrupt' } }]);
  t.same(found.affected, [{ pointId: second.record.id, jobId: second.record.jobId, chunks: 1 }]);
  t.not(found.affected[0]?.pointId, first.record.id);
});

t.test('a pack that is gone costs all its chunks, and after opening again they are missing', async (t) => {
  const { store, kept } = await filledRepository(t.testdir());
  const [, second] = kept as [Kept, Kept];
  const packs = await store.list('packs');
  const holding = await Promise.all(
    packs.map(async (name) => (await whole(store, name)).includes(second.ids[0] as Buffer)),
  );
  const name = packs[holding.indexOf(true)] as string;
  await using repository = await openRepository(store, { holder });
  await rm(join(store.location, name));
  t.match(await look(repository), { files: [name], damagedChunks: 6, affectedPoints: 1 });
  await repository[Symbol.asyncDispose]();
  await using again = await openRepository(store, { holder });
  const found = await look(again);
  t.match(found, { files: [], damagedChunks: 0, missingChunks: 6, affectedPoints: 1 });
  t.equal(found.affected[0]?.chunks, 6);
});

t.test('a share of the packs is read, what was read longest ago first, and packs with flaws each time', async (t) => {
  const store = filesystemStore(t.testdir());
  await createRepository(store);
  await using repository = await openRepository(store, { holder });
  for (let i = 0; i < 10; i++) await keep(repository, signer, { chunks: 20 });
  t.match(await look(repository, { percent: 30 }), { packs: 10, packsRead: 3 });
  const partly = await look(repository, { percent: 60 });
  t.match(partly, { packsRead: 6 });
  t.notOk(partly.verifiedSince, 'one was never read');
  t.match(await look(repository, { withinDays: 10 }), { packsRead: 1 });
  t.ok((await look(repository, { withinDays: 30 })).verifiedSince, 'all were, over the four');
  const [name] = await store.list('packs');
  await using _flipped = await flip(store, name as string, 500);
  t.match(await look(repository), { packsRead: 10, files: [name] });
  for (const times of ['once', 'twice']) {
    const found = await look(repository, { percent: 10 });
    t.match(found, { packsRead: 2, files: [name], affectedPoints: 1 }, times);
  }
});

t.test('the list of what was read may be lost or damaged', async (t) => {
  const { store } = await filledRepository(t.testdir());
  await using repository = await openRepository(store, { holder });
  await look(repository);
  await using _flipped = await flip(store, 'cache/verified', 20);
  const found = await look(repository, { percent: 30 });
  t.same(found.failures, []);
  t.notOk(found.verifiedSince, 'what is not known to have been read was not');
});

t.test('one bit flipped in either copy of a key table is found', async (t) => {
  const store = filesystemStore(t.testdir());
  const slot = { id: newUuidBytes(), kind: 'keyfile' as const, label: 'first' };
  await createRepository(store, { slot, slotKey: randomBytes(32) });
  await using repository = await openRepository(store, { holder });
  t.same((await look(repository)).failures, [], 'a locked repository is verified by its checksums');
  const tables = (await allFiles(store)).filter(({ name }) => name.startsWith('keys/'));
  t.equal(tables.length, 2);
  for (let trial = 0; trial < 200; trial++) {
    const { name, length } = tables[trial % 2] as (typeof tables)[number];
    const offset = randomInt(length);
    await using _flipped = await flip(store, name, offset);
    const { files } = await look(repository);
    if (files.length !== 1 || files[0] !== name) t.fail(`${name} at ${offset} of ${length}: found ${files}`);
  }
});

t.test('reading is held back to a limit, and ends when it is told to', async (t) => {
  const { store } = await filledRepository(t.testdir());
  await using repository = await openRepository(store, { holder });
  const stop = new AbortController();
  const options = { bytesPerSecond: 1000, onProgress: () => stop.abort(new Error('enough')) };
  await t.rejects(repository.verify(options, stop.signal), { message: 'enough' });
});
