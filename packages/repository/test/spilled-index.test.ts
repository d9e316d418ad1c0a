import { spawn } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { uuidBytes } from '@sealift/crypto';
import {
  type ChunkToStore,
  createRepository,
  filesystemStore,
  openRepository,
  type Repository,
} from '@sealift/repository';
import fc from 'fast-check';
import t from 'tap';
import { HashIndex } from '../src/index/hash-index.ts';
import { IndexMemory, type SpillOptions } from '../src/spill/index-memory.ts';
import { aBundle, aChunk } from './fixtures/chunks.ts';
import { STEPS, type Step, Twin } from './fixtures/index-twin.ts';
import { aSigner, commitPoint } from './fixtures/points.ts';
import { damageScratchFiles } from './fixtures/scratch-files.ts';

const MIB = 1024 * 1024;
/** More than stay in memory. */
const MANY = 40_000;
const ids = randomBytes(MANY * 32);
const idAt = (i: number) => ids.subarray(i * 32, i * 32 + 32);
const never = new AbortController().signal;

function fill(index: HashIndex, from: number, to: number): void {
  for (let i = from; i < to; i++) index.addChunk(idAt(i), { type: 1, pack: i % 1000, offset: i, length: 7 });
}

function isFilled(index: HashIndex, i: number): boolean {
  const entry = index.find(idAt(i));
  return entry >= 0 && index.placeOf(entry)?.offset === i && index.packOf(entry) === i % 1000;
}

/** Numbers of ids that are not found where they were put, of every so many. */
function lostOf(index: HashIndex, step: number): number[] {
  return Array.from({ length: Math.ceil(MANY / step) }, (_, i) => i * step).filter((i) => !isFilled(index, i));
}

/** Goes to the disk before everything, in the middle of what fills it, or after that. */
function live(
  twin: Twin,
  { before, after, when }: { before: Step[]; after: Step[]; when: number },
  options: SpillOptions,
): void {
  if (when === 0) twin.index.spill(options);
  for (const step of before) twin.take(step);
  fill(twin.index, 0, MANY / 2);
  if (when === 1) twin.index.spill(options);
  fill(twin.index, MANY / 2, MANY);
  // A compaction is made in memory.
  if (!twin.index.isSpilled) twin.index.spill(options);
  for (const step of after) twin.take(step);
}

t.test('an index on the disk answers as a map does, wherever in its life it went there', async (t) => {
  const options = { folder: t.testdir(), cacheBytes: 0, fresh: 1024, filterBits: () => 6 };
  fc.assert(
    fc.property(STEPS, STEPS, fc.integer({ min: 0, max: 2 }), (before, after, when) => {
      const twin = new Twin();
      live(twin, { before, after, when }, options);
      twin.compare();
      t.same(lostOf(twin.index, 997), []);
      const chunks = MANY + [...twin.model.values()].filter((known) => 'pack' in known).length;
      if (twin.index.chunkCount !== chunks) throw new Error(`${twin.index.chunkCount} chunks counted, not ${chunks}`);
      twin.index[Symbol.dispose]();
    }),
    { numRuns: 60 },
  );
});

t.test('half a million ids are found, and others are not, in the memory that was allowed', async (t) => {
  const count = 500_000;
  const limit = 6 * MIB;
  const memory = await IndexMemory.open(t.testdir(), limit);
  const index = new HashIndex(memory);
  const many = randomBytes(count * 32);
  let most = 0;
  for (let i = 0; i < count; i++) {
    index.addChunk(many.subarray(i * 32, i * 32 + 32), { type: 1, pack: i >>> 6, offset: i, length: 1 });
    if (i % 1000 === 0) most = Math.max(most, memory.byteLength);
  }
  t.ok(most <= limit, `${most} bytes at most`);
  t.ok(index.isSpilled);
  const numbers = Array.from({ length: count }, (_, i) => i);
  const isThere = (i: number) => {
    const entry = index.find(many.subarray(i * 32, i * 32 + 32));
    return entry === i && index.placeOf(entry)?.offset === i;
  };
  t.same(
    numbers.filter((i) => !isThere(i)),
    [],
    'found',
  );
  t.notOk(numbers.slice(0, 20_000).some(() => index.find(randomBytes(32)) >= 0));
  const used = (i: number) => (i % 3 === 0 ? 1 + (i % 60_000) : 0);
  for (const i of numbers) if (used(i) > 0) index.use(i, used(i));
  t.same(
    numbers.filter((i) => index.lastUse(i) !== used(i)),
    [],
    'uses',
  );
  index.levelUses();
  t.same(
    numbers.filter((i) => index.lastUse(i) !== Math.min(1, used(i))),
    [],
    'levelled uses',
  );
  t.ok(memory.byteLength <= limit, `${memory.byteLength} bytes at the end`);
});

t.test('of several zones the largest goes to the disk, the others stay in memory while they fit', async (t) => {
  const memory = await IndexMemory.open(t.testdir(), 8 * MIB);
  const [small, large] = [new HashIndex(memory), new HashIndex(memory)];
  fill(small, 0, 100);
  const many = randomBytes(200_000 * 32);
  for (let i = 0; i < 200_000; i++) {
    large.addChunk(many.subarray(i * 32, i * 32 + 32), { type: 1, pack: 0, offset: i, length: 1 });
  }
  t.ok(large.isSpilled);
  t.notOk(small.isSpilled);
  t.ok(isFilled(small, 99));
});

t.test('what is forgotten gives its space back on the disk too', async (t) => {
  const index = new HashIndex(await IndexMemory.open(t.testdir(), 1));
  fill(index, 0, MANY);
  const bundle = index.addChunk(Buffer.alloc(32, 1), { type: 6, pack: 5, offset: 1, length: 1 });
  index.addMembers(bundle, Buffer.alloc(32, 2));
  for (let i = 0; i < MANY; i += 2) index.forget(index.find(idAt(i)));
  index.use(index.find(idAt(1)), 7);
  t.ok(index.isWasteful);
  index.compact();
  t.equal(index.entryCount, MANY / 2 + 2);
  let wrong = 0;
  for (let i = 0; i < MANY; i++) if (isFilled(index, i) !== i % 2 > 0) wrong++;
  t.equal(wrong, 0);
  t.equal(index.lastUse(index.find(idAt(1))), 7);
  t.same(index.memberOf(index.find(Buffer.alloc(32, 2))), { bundle: Buffer.alloc(32, 1), ordinal: 0 });
});

t.test('damage on the disk is noticed at every look-up that meets it, and never answered wrongly', async (t) => {
  const folder = t.testdir();
  const index = new HashIndex(await IndexMemory.open(folder, 1));
  fill(index, 0, MANY);
  t.notOk(index.isDamaged);
  t.ok(damageScratchFiles(folder) >= 3);
  let [wrong, noticed] = [0, 0];
  for (let i = 0; i < MANY; i++) {
    try {
      if (!isFilled(index, i)) wrong++;
    } catch (thrown) {
      t.match(thrown, { code: 'index-damaged', kind: 'retry' });
      if (++noticed > 100) break;
    }
  }
  t.equal(wrong, 0);
  t.ok(noticed > 100);
  t.ok(index.isDamaged);
});

async function answers(repository: Repository, chunks: readonly ChunkToStore[]): Promise<unknown[]> {
  const zone = uuidBytes(repository.id);
  return chunks.flatMap(({ id, members = [] }) => [id, ...members].map((each) => repository.lookup(zone, each)));
}

t.test('backups, collections, verification and snapshots do the same with it', async (t) => {
  const root = t.testdir({ repository: {}, index: {} });
  const folder = join(root, 'repository');
  const store = filesystemStore(folder);
  const holder = randomUUID();
  const zone = uuidBytes((await createRepository(store)).id);
  const limited = async () => ({ indexMemory: await IndexMemory.open(join(root, 'index'), 1) });
  const chunks: ChunkToStore[] = [];
  {
    await using repository = await openRepository(store, { holder, ...(await limited()) });
    for (let i = 0; i < 70; i++) {
      const pack = [aChunk(300), aChunk(300), aBundle(500, 300)];
      await using writer = repository.writer({ zone });
      await Promise.all(pack.map((chunk) => writer.put(chunk)));
      chunks.push(...pack);
    }
    const absent = chunks.filter((_, i) => i % 3 > 0 && i > 60).map(({ id }) => id);
    await commitPoint(repository, await aSigner(), { chunks: 0, absent });
  }
  const wanted = async (options: object) => {
    await using repository = await openRepository(store, { holder, readOnly: true, ...options });
    return { found: await answers(repository, chunks), chunks: repository.stats().chunks };
  };
  const compare = async (name: string) => {
    const withLimit = await wanted(await limited());
    t.same(withLimit, await wanted({}), `${name}, from the snapshot`);
    await rm(join(folder, 'cache', 'index'), { recursive: true, force: true });
    t.same(await wanted(await limited()), withLimit, `${name}, from the footers`);
    t.same(await wanted({}), withLimit, `${name}, from the footers and in memory`);
    return withLimit;
  };
  const { found } = await compare('stored');
  t.equal(found.length, 70 * 503);
  t.notOk(found.some((answer) => (answer as { state: string }).state === 'missing'));
  {
    await using repository = await openRepository(store, { holder, ...(await limited()) });
    const { packsDead, packsRepacked } = await repository.collect({ grace: 0, threshold: 0.99 }, never);
    t.ok(packsDead > 10 && packsRepacked > 10, `${packsDead} packs deleted, ${packsRepacked} rewritten`);
    t.match(await repository.verify({}), { flaws: 0, missingChunks: 0 });
  }
  const after = await compare('collected');
  t.ok(after.chunks < chunks.length);
});

t.test('a repository whose index came to harm on the disk says so, and is whole when it is opened anew', async (t) => {
  const root = t.testdir({ repository: {}, index: {} });
  const store = filesystemStore(join(root, 'repository'));
  const zone = uuidBytes((await createRepository(store)).id);
  const holder = randomUUID();
  const bundles = Array.from({ length: 5 }, () => aBundle(8000, 100));
  const open = async () => {
    const indexMemory = await IndexMemory.open(join(root, 'index'), 1);
    return await openRepository(store, { holder, indexMemory });
  };
  {
    await using repository = await open();
    await using writer = repository.writer({ zone });
    await Promise.all(bundles.map((bundle) => writer.put(bundle)));
    damageScratchFiles(join(root, 'index'));
    await t.rejects(async () => await answers(repository, bundles), { code: 'index-damaged' });
    t.ok(repository.isIndexDamaged);
  }
  await using repository = await open();
  t.notOk(repository.isIndexDamaged);
  const found = await answers(repository, bundles);
  t.notOk(found.some((answer) => (answer as { state: string }).state === 'missing'));
});

t.test(
  'killed while it spills and merges, a program leaves nothing behind that the next one could mistake',
  async (t) => {
    const root = t.testdir({ repository: {}, index: {} });
    const [folder, index] = [join(root, 'repository'), join(root, 'index')];
    const zone = uuidBytes((await createRepository(filesystemStore(folder))).id);
    const holder = randomUUID();
    const told: string[] = [];
    for (let round = 0; round < 8; round++) {
      await writeFile(join(index, 'torn.scratch'), 'of a program that was killed between making and unlinking it');
      await liveUntilKilled([folder, index, holder], told);
      t.same(await readdir(index), [], 'no file has a name');
      const indexMemory = await IndexMemory.open(index, 1);
      await using repository = await openRepository(filesystemStore(folder), { holder, indexMemory });
      const lost = told.filter((line) => line.split(' ').some((id) => isMissing(repository, zone, id)));
      t.same(lost, [], `after ${told.length} bundles`);
    }
    t.ok(told.length > 8 * 12, `${told.length} bundles of 1500 members`);
  },
);

function isMissing(repository: Repository, zone: Buffer, id: string): boolean {
  return repository.lookup(zone, Buffer.from(id, 'hex')).state === 'missing';
}

async function liveUntilKilled(args: string[], told: string[]): Promise<void> {
  const script = new URL('./fixtures/spilling-child.ts', import.meta.url).pathname;
  const child = spawn(process.execPath, [script, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  let lines = 12 + Math.floor(Math.random() * 12);
  for await (const line of createInterface({ input: child.stdout })) {
    told.push(line);
    if (--lines === 0) void sleep(Math.random() * 20).then(() => child.kill('SIGKILL'));
  }
  if (child.exitCode !== null) throw new Error(`The child ended by itself, with status ${child.exitCode}.`);
}
