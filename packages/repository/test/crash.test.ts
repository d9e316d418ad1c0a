import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { cp, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { uuidBytes } from '@sealift/crypto';
import { createRepository, filesystemStore, openRepository, type Repository } from '@sealift/repository';
import t from 'tap';
import { aBundle, aChunk, sha256 } from './fixtures/chunks.ts';
import { onEachStore, type Place } from './fixtures/places.ts';
import { aSigner } from './fixtures/points.ts';

const ROUNDS = 10;
const { identity } = await aSigner();
const KEY = identity.privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
const CHILD = new URL('./fixtures/writing-child.ts', import.meta.url).pathname;

/** Lets a child write until it is killed in the middle; returns what it said was acknowledged. */
async function writeUntilKilled(place: Place, holder: string): Promise<string[]> {
  const child = spawn(process.execPath, [CHILD, place.address, place.spool, holder, KEY, identity.certificate], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines: string[] = [];
  // A bucket takes longer to answer.
  const longest = place.kind === 'files' ? 250 : 1500;
  let killing: Promise<unknown> | undefined;
  for await (const line of createInterface({ input: child.stdout })) {
    if (line === 'ready') killing = sleep(Math.random() * longest).then(() => child.kill('SIGKILL'));
    else lines.push(line);
  }
  await killing;
  return lines;
}

async function missingAfter(repository: Repository, lines: string[]): Promise<string[]> {
  const points = new Set((await repository.points()).map((point) => point.id));
  const missing: string[] = [];
  for (const line of lines) {
    const [kind, id] = line.split(' ') as [string, string];
    if (kind === 'point' ? !points.has(id) : !(await readsBack(repository, Buffer.from(id, 'hex')))) missing.push(line);
  }
  return missing;
}

async function readsBack(repository: Repository, id: Buffer): Promise<boolean> {
  const zone = uuidBytes(repository.id);
  if (repository.lookup(zone, id).state !== 'chunk') return false;
  return sha256((await repository.readChunk(zone, id)).body).equals(id);
}

onEachStore('whatever was acknowledged before kill -9 is there afterwards, and nothing half-made', async (t, place) => {
  const store = await place.open();
  const holder = randomUUID();
  await createRepository(store);
  const acknowledged: string[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const lines = await writeUntilKilled(place, holder);
    acknowledged.push(...lines);
    await using repository = await openRepository(store, { holder });
    t.same(await missingAfter(repository, lines), [], `round ${round}: ${lines.length} acknowledged`);
    t.same(repository.problems, []);
    t.same(await store.unfinished(), [], 'torn packs were salvaged');
    const points = await repository.points();
    const lists = await store.list('references');
    t.same(lists.sort(), points.map((point) => `references/${point.id}`).sort());
    for (const point of points) await repository.readPoint(point.id);
  }
  t.ok(acknowledged.some((line) => line.startsWith('chunk')) && acknowledged.some((line) => line.startsWith('point')));
  await using repository = await openRepository(store, { holder: randomUUID(), readOnly: true });
  t.same(await missingAfter(repository, acknowledged), [], 'all rounds together');
});

/** A copy of a repository in the middle of a session, as a crash leaves it. */
async function tornPack(t: { testdir(): string }) {
  const directory = t.testdir();
  const living = filesystemStore(join(directory, 'living'));
  const zone = uuidBytes((await createRepository(living)).id);
  const chunks = [aChunk(1000), aBundle(5, 700), aChunk(1), aChunk(90_000)];
  await using repository = await openRepository(living, { holder: randomUUID() });
  await using writer = repository.writer({ zone });
  for (const chunk of chunks) await writer.put(chunk);
  const store = filesystemStore(join(directory, 'crashed'));
  await cp(living.location, store.location, { recursive: true, preserveTimestamps: true });
  const [torn] = (await store.unfinished()) as [string];
  return { store, zone, chunks, torn };
}

for (const [length, whole] of [
  [0, 0],
  [100, 0],
  [128, 0],
  [1211, 0],
  [1212, 1],
  [2100, 1],
  [2156, 2],
  [50_000, 3],
] as const) {
  t.test(`of a pack cut off at ${length} bytes the ${whole} whole chunks are kept`, async (t) => {
    const { store, zone, chunks, torn } = await tornPack(t);
    await truncate(join(store.location, torn), length);
    const kept = async (repository: Repository) => {
      const there = chunks.filter((chunk) => repository.lookup(zone, chunk.id).state === 'chunk');
      for (const { id, body } of there) t.ok((await repository.readChunk(zone, id)).body.equals(body));
      return there.length;
    };
    const [lease] = (await store.list('leases')) as [string];
    const holder = lease.slice(-36);
    {
      await using reader = await openRepository(store, { holder: randomUUID(), readOnly: true });
      t.equal(await kept(reader), whole, 'read-only, where it stands');
      t.same(await store.unfinished(), [torn]);
    }
    for (let i = 0; i < 2; i++) {
      await using repository = await openRepository(store, { holder });
      t.equal(await kept(repository), whole, 'salvaged');
      t.same(await store.unfinished(), []);
      t.equal((await store.list('packs')).length, whole === 0 ? 0 : 1);
      if (whole > 1)
        t.match(repository.lookup(zone, chunks[1]?.members?.[4] as Buffer), { state: 'member', ordinal: 4 });
    }
  });
}

t.test('zeros and rubbish after the last whole chunk, as a lost write leaves them, are cut off', async (t) => {
  const { store, zone, chunks, torn } = await tornPack(t);
  await truncate(join(store.location, torn), 1_000_000);
  const holder = (await store.list('leases'))[0]?.slice(-36) as string;
  await using repository = await openRepository(store, { holder });
  for (const { id, body } of chunks) t.ok((await repository.readChunk(zone, id)).body.equals(body));
});
