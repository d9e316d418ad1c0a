import { randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { uuidBytes } from '@sealift/crypto';
import {
  type ChunkToStore,
  createRepository,
  filesystemStore,
  folderCache,
  openRepository,
  parseS3Address,
  type Repository,
  type Store,
  s3Store,
} from '@sealift/repository';
import t, { type Test } from 'tap';
import { aBundle, aChunk, seededChunk } from './fixtures/chunks.ts';
import { FaultProxy } from './fixtures/fault-proxy.ts';
import { theGateway } from './fixtures/places.ts';
import { aSigner, commitPoint } from './fixtures/points.ts';
import { KEYS } from './fixtures/radosgw.ts';
import { SimulatedDisk } from './fixtures/simulated-disk.ts';

const holder = randomUUID();
const never = new AbortController().signal;
/** More than it takes for a snapshot to be written. */
const ENOUGH = 70;

/** The same store, which tells of each pack whose end is read. */
function watched(store: Store, onFooter: () => void): Store {
  return new Proxy(store, {
    get(target, property) {
      const value: unknown = Reflect.get(target, property);
      if (typeof value !== 'function') return value;
      return (...args: unknown[]) => {
        if (property === 'readTail' && String(args[0]).startsWith('packs/')) onFooter();
        return value.apply(target, args);
      };
    },
  });
}

async function storePack(repository: Repository, chunks: ChunkToStore[]): Promise<void> {
  await using writer = repository.writer({ zone: uuidBytes(repository.id) });
  await Promise.all(chunks.map((chunk) => writer.put(chunk)));
}

/** So many packs, each with a chunk and a bundle. */
async function storePacks(repository: Repository, count: number): Promise<ChunkToStore[]> {
  const all: ChunkToStore[] = [];
  for (let i = 0; i < count; i++) {
    const chunks = [aChunk(100), aBundle(3, 100)];
    await storePack(repository, chunks);
    all.push(...chunks);
  }
  return all;
}

/** Every id, also of members, as the repository knows it, with its body. */
async function contents(repository: Repository, chunks: readonly ChunkToStore[]): Promise<unknown[]> {
  const zone = uuidBytes(repository.id);
  const found: unknown[] = [];
  for (const { id, members = [] } of chunks) {
    for (const each of [id, ...members]) found.push(repository.lookup(zone, each));
    const isKnown = repository.lookup(zone, id).state === 'chunk';
    found.push(isKnown && (await repository.readChunk(zone, id)).body);
  }
  return found;
}

interface Opened {
  found: unknown[];
  stats: unknown;
  footers: number;
  problems: unknown[];
}

async function opened(store: Store, chunks: readonly ChunkToStore[], readOnly = true): Promise<Opened> {
  let footers = 0;
  const counted = watched(store, () => footers++);
  await using repository = await openRepository(counted, { holder, readOnly });
  const { freeBytes: _, ...stats } = repository.stats();
  return { found: await contents(repository, chunks), stats, footers, problems: [...repository.problems] };
}

/** Opens as it is and once more without a snapshot: only the work may differ. */
async function compare(t: Test, folder: string, chunks: readonly ChunkToStore[], footers: number): Promise<void> {
  const store = filesystemStore(folder);
  const withIt = await opened(store, chunks);
  const saved = await takeAway(folder);
  const without = await opened(store, chunks);
  await putBack(folder, saved);
  t.same({ ...withIt, footers: 0 }, { ...without, footers: 0 });
  t.equal(withIt.footers, footers, 'footers read');
}

const cacheOf = (folder: string) => join(folder, 'cache', 'index');

async function takeAway(folder: string): Promise<Map<string, Buffer>> {
  const files = new Map<string, Buffer>();
  for (const name of await readdir(cacheOf(folder)).catch(() => [])) {
    files.set(name, await readFile(join(cacheOf(folder), name)));
    await rm(join(cacheOf(folder), name));
  }
  return files;
}

async function putBack(folder: string, files: Map<string, Buffer>): Promise<void> {
  await mkdir(cacheOf(folder), { recursive: true });
  await takeAway(folder);
  for (const [name, bytes] of files) await writeFile(join(cacheOf(folder), name), bytes);
}

async function aRepository(t: Test): Promise<{ folder: string; store: Store; chunks: ChunkToStore[] }> {
  const folder = t.testdir();
  const store = filesystemStore(folder);
  await createRepository(store);
  await using repository = await openRepository(store, { holder });
  return { folder, store, chunks: await storePacks(repository, ENOUGH) };
}

t.test('a snapshot written at the close spares the next opening all footers it covers', async (t) => {
  const { folder, store, chunks } = await aRepository(t);
  await compare(t, folder, chunks, 0);
  {
    await using repository = await openRepository(store, { holder });
    chunks.push(...(await storePacks(repository, 3)));
  }
  await compare(t, folder, chunks, 0);
  t.equal((await opened(store, chunks, false)).footers, 0, 'opening for writing uses it too');
});

t.test('packs that an old snapshot does not know are read from their footers', async (t) => {
  const { folder, store, chunks } = await aRepository(t);
  const old = await takeAway(folder);
  {
    await using repository = await openRepository(store, { holder });
    chunks.push(...(await storePacks(repository, 3)));
  }
  await putBack(folder, old);
  await compare(t, folder, chunks, 3);
});

t.test('a repository opened for reading writes no snapshot', async (t) => {
  const { folder, store, chunks } = await aRepository(t);
  await takeAway(folder);
  t.equal((await opened(store, chunks)).footers, ENOUGH);
  t.same(await takeAway(folder), new Map());
  await opened(store, chunks, false);
  t.equal((await opened(store, chunks)).footers, 0, 'one opened for writing writes it after the opening');
});

t.test('a snapshot damaged at any place, or a part of it missing, costs only time', async (t) => {
  const { folder, store, chunks } = await aRepository(t);
  const whole = await takeAway(folder);
  const expected = await opened(store, chunks);
  for (const [name, bytes] of whole) {
    const places = Array.from({ length: 25 }, () => Math.floor(Math.random() * bytes.length));
    for (const at of [0, bytes.length - 1, ...places]) {
      const damaged = Buffer.from(bytes);
      damaged.writeUInt8(damaged.readUInt8(at) ^ (1 << (at % 8)), at);
      await putBack(folder, new Map([...whole, [name, damaged]]));
      t.same(await opened(store, chunks), expected, `${name} at ${at}`);
    }
    await putBack(folder, new Map([...whole, [name, bytes.subarray(0, bytes.length / 2)]]));
    t.same(await opened(store, chunks), expected, `${name} cut off`);
    await putBack(folder, new Map([...whole].filter(([other]) => other !== name)));
    t.same(await opened(store, chunks), expected, `${name} missing`);
  }
  t.equal(whole.size, 3, 'the head, the packs, the entries');
});

t.test('a snapshot of another repository is not used', async (t) => {
  const { folder } = await aRepository(t);
  const foreign = await takeAway(folder);
  const other = join(t.testdir(), 'other');
  await mkdir(other);
  const store = filesystemStore(other);
  await createRepository(store);
  await putBack(other, foreign);
  t.match(await opened(store, []), { stats: { chunks: 0, storedBytes: 0 }, footers: 0 });
});

t.test('after a collection an old snapshot says no more than the packs that are left', async (t) => {
  const { folder, store, chunks } = await aRepository(t);
  const signer = await aSigner();
  const old = await takeAway(folder);
  {
    await using repository = await openRepository(store, { holder });
    const kept = chunks.filter((_, i) => i >= 30 || (i >= 20 && i % 2 > 0)).map(({ id }) => id);
    await commitPoint(repository, signer, { chunks: 0, absent: kept });
    const { packsDead, packsRepacked } = await repository.collect({ grace: 0, threshold: 0.9 }, never);
    t.ok(packsDead > 0 && packsRepacked > 0);
  }
  await compare(t, folder, chunks, 0);
  await putBack(folder, old);
  // That of the body of the point, and the one that took up what was rewritten.
  await compare(t, folder, chunks, 2);
});

t.test('what a pack that is gone shared with another one is found in that other one', async (t) => {
  const { folder, store, chunks } = await aRepository(t);
  const [first] = (await store.list('packs')) as [string];
  const path = join(folder, first);
  const bytes = await readFile(path);
  await rm(path);
  const before = new Set(await store.list('packs'));
  let lost: ChunkToStore[] = [];
  {
    await using repository = await openRepository(store, { holder });
    const zone = uuidBytes(repository.id);
    lost = chunks.filter((chunk) => repository.lookup(zone, chunk.id).state === 'missing');
    t.equal(lost.length, 2, 'a pack that is gone is known no more');
    await storePack(repository, lost);
  }
  const second = (await store.list('packs')).find((name) => !before.has(name)) as string;
  await writeFile(path, bytes);
  t.equal((await opened(store, chunks, false)).footers, 1, 'the pack that came back');
  await rm(join(folder, second));
  await compare(t, folder, chunks, 1);
  t.notOk((await opened(store, lost)).found.includes(false));
});

t.test('a program killed at any step of writing a snapshot leaves a repository that opens to the same', async (t) => {
  const before = new SimulatedDisk();
  const chunks: ChunkToStore[] = [];
  {
    await createRepository(before);
    await using repository = await openRepository(before, { holder });
    chunks.push(...(await storePacks(repository, 60)));
  }
  const live = async (disk: SimulatedDisk) => {
    await using repository = await openRepository(disk, { holder });
    for (let i = 0; i < 10; i++) await storePack(repository, [seededChunk(i, 50)]);
  };
  chunks.push(...Array.from({ length: 10 }, (_, i) => seededChunk(i, 50)));
  const whole = before.afterCrash();
  await live(whole);
  const pieces = (await whole.list('cache/index')).length;
  t.equal(pieces, 3);
  let [tried, torn] = [0, 0];
  for (let at = whole.steps - 70; at <= whole.steps; at++) {
    const disk = before.afterCrash({ at, kind: 'crash' });
    await live(disk).catch(() => {});
    const after = at % 2 === 0 ? disk.afterCrash() : disk.afterPowerLoss();
    const files = (await after.list('cache/index')).length;
    if (files > 0 && files !== pieces) torn++;
    const { found, problems } = await opened(after, chunks.slice(0, 120));
    t.notOk(found.includes(false) || problems.length > 0, `killed at step ${at}`);
    await live(after);
    const { stats, found: all } = await opened(after, chunks);
    t.match(stats, { chunks: chunks.length });
    t.notOk(all.includes(false));
    tried++;
  }
  t.ok(tried > 60 && torn > 5, `${tried} times, ${torn} of them amid a snapshot`);
});

t.test('of a repository in object storage the snapshot stands among the copies on this machine', async (t) => {
  const gateway = await theGateway();
  const proxy = await FaultProxy.open(gateway.port);
  t.teardown(() => proxy[Symbol.asyncDispose]());
  const address = (await gateway.bucket()).replace(gateway.endpoint, proxy.endpoint);
  const folder = t.testdir();
  const store = await s3Store(parseS3Address(address), { credentials: async () => KEYS, spool: join(folder, 'spool') });
  await createRepository(store);
  const cache = () => folderCache(join(folder, 'cache'), 1 << 30);
  const chunks: ChunkToStore[] = [];
  {
    await using repository = await openRepository(store, { holder, cache: await cache() });
    chunks.push(...(await storePacks(repository, ENOUGH)));
  }
  const before = proxy.requests.length;
  await using repository = await openRepository(store, { holder, readOnly: true, cache: await cache() });
  const asked = proxy.requests.slice(before).filter((line) => /^(GET|HEAD) .*(packs|cache)\//.test(line));
  t.equal(asked.length, 0);
  t.equal(repository.stats().chunks, chunks.length);
  const found = await contents(repository, chunks);
  t.equal(found.filter((answer) => answer === false).length, 0);
});
