import { randomUUID } from 'node:crypto';
import { uuidBytes } from '@sealift/crypto';
import {
  createRepository,
  openRepository,
  parseS3Address,
  type Repository,
  type Store,
  s3Store,
} from '@sealift/repository';
import t, { type Test } from 'tap';
import { aChunk } from './fixtures/chunks.ts';
import { FaultProxy } from './fixtures/fault-proxy.ts';
import { aSigner, preparePoint } from './fixtures/points.ts';
import { KEYS, Radosgw } from './fixtures/radosgw.ts';

const AT_ONCE = 4;
/** Of a crash in the middle: the request never arrives, or it is carried out and nobody hears of it. */
const MOMENTS = ['before', 'after'] as const;
type Moment = (typeof MOMENTS)[number];

const holder = randomUUID();
const spool = t.testdir();
const signer = await aSigner();
const gateway = await Radosgw.start();
t.teardown(() => gateway[Symbol.asyncDispose]());

/** What was acknowledged before the end. A point that is being removed is in neither set. */
interface Told {
  chunks: ReturnType<typeof aChunk>[];
  points: Set<string>;
  removed: Set<string>;
}

/** Everything a target does to a repository, in a fixed order. */
async function work(store: Store, told: Told): Promise<void> {
  await createRepository(store);
  {
    await using repository = await openRepository(store, { holder });
    const locked = await commit(repository, told);
    await repository.lockPoint(locked, repository.now() + 60_000);
  }
  {
    await using repository = await openRepository(store, { holder });
    await storeChunk(repository, told);
    await remove(repository, told, await commit(repository, told));
  }
  await using file = await store.grow(`${randomUUID()}.references`);
  await file.append([Buffer.alloc(40 * 1024 * 1024, 7)]);
  await file.publish(`references/${randomUUID()}`);
}

async function storeChunk(repository: Repository, told: Told): Promise<void> {
  await using writer = repository.writer({ zone: uuidBytes(repository.id) });
  const chunk = aChunk(10_000);
  await writer.put(chunk);
  told.chunks.push(chunk);
}

async function remove(repository: Repository, told: Told, id: string): Promise<void> {
  told.points.delete(id);
  await repository.removePoint(id, { reason: 'a test' });
  told.removed.add(id);
}

async function commit(repository: Repository, told: Told): Promise<string> {
  const prepared = await preparePoint(repository, signer, { chunks: 1 });
  await repository.commitPoint({ ...prepared, manifest: prepared.file });
  told.points.add(prepared.pointId);
  told.chunks.push(...prepared.chunks);
  return prepared.pointId;
}

/** Works until the request with this number, where the program stops dead. @returns how many requests there were */
async function runUntil(crashAt: number, moment: Moment) {
  await using proxy = await FaultProxy.open(gateway.port);
  const address = await gateway.bucket();
  const told: Told = { chunks: [], points: new Set(), removed: new Set() };
  const open = (text: string) =>
    s3Store(parseS3Address(text), {
      credentials: async () => KEYS,
      spool,
      retry: { patience: 0 },
    });
  proxy.crash = { at: crashAt, moment };
  const through = await open(address.replace(gateway.endpoint, proxy.endpoint));
  await work(through, told).catch(() => {});
  return { told, requests: proxy.requests.length, store: await open(address) };
}

/** What an opening after the crash finds must be what was acknowledged. */
async function losses(store: Store, told: Told): Promise<string[]> {
  if (!(await createdAlready(store))) return told.chunks.length === 0 ? [] : ['the repository'];
  await using repository = await openRepository(store, { holder });
  const found = repository.problems.map(({ message }) => message);
  const points = new Set((await repository.points()).map(({ id }) => id));
  found.push(...[...told.points].filter((id) => !points.has(id)).map((id) => `point ${id}`));
  found.push(...[...told.removed].filter((id) => points.has(id)).map((id) => `removed point ${id}`));
  for (const id of points) await repository.readPoint(id).catch(({ message }) => found.push(message));
  found.push(...(await lostChunks(repository, told)));
  const lists = (await store.list('references')).map((name) => name.slice('references/'.length));
  found.push(...lists.filter((id) => !points.has(id)).map((id) => `a reference list ${id} without a point`));
  return [...found, ...(await store.unfinished())];
}

async function lostChunks(repository: Repository, { chunks }: Told): Promise<string[]> {
  const zone = uuidBytes(repository.id);
  const lost: string[] = [];
  for (const { id, body } of chunks) {
    const read = await repository.readChunk(zone, id).catch(() => undefined);
    if (!read?.body.equals(body)) lost.push(`chunk ${id.toString('hex')}`);
  }
  return lost;
}

async function createdAlready(store: Store): Promise<boolean> {
  return store.readTail('config', 0).then(
    () => true,
    () => false,
  );
}

t.test('wherever a program stops dead between two requests, nothing acknowledged is lost', async (t: Test) => {
  const whole = await runUntil(Number.POSITIVE_INFINITY, 'after');
  t.same([whole.told.points.size, whole.told.removed.size], [1, 1], 'undisturbed, all is done');
  const tries = Array.from({ length: whole.requests }, (_, i) => i + 1).flatMap((at) =>
    MOMENTS.map((moment) => ({ at, moment })),
  );
  const bad: string[] = [];
  const next = async () => {
    for (let one = tries.pop(); one !== undefined; one = tries.pop()) {
      const { told, store } = await runUntil(one.at, one.moment);
      const lost = await losses(store, told);
      if (lost.length > 0) bad.push(`${one.moment} request ${one.at}: ${lost.join(', ')}`);
      await store[Symbol.asyncDispose]();
    }
  };
  const count = tries.length;
  await Promise.all(Array.from({ length: AT_ONCE }, next));
  t.same(bad, [], `${count} crash points`);
  t.ok(count > 100, `${count} crash points`);
});
