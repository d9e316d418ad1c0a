import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Failure } from '@sealift/core';
import { uuidBytes } from '@sealift/crypto';
import { createRepository, filesystemStore, openRepository, type Repository } from '@sealift/repository';
import t from 'tap';
import { seededChunk } from './fixtures/chunks.ts';
import { packBytes } from './fixtures/collections.ts';
import { aSigner } from './fixtures/points.ts';

const ROUNDS = 20;
const { identity } = await aSigner();
const KEY = identity.privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
const CHILD = new URL('./fixtures/collecting-child.ts', import.meta.url).pathname;

/** What the children said: points with the seeds of their chunks. */
class Told {
  readonly there = new Map<string, number[]>();
  readonly removing = new Set<string>();
  readonly removed = new Set<string>();
  freed = 0;

  take(line: string): void {
    const [kind, id, seeds] = line.split(' ') as [string, string, string];
    if (kind === 'point') this.there.set(id, seeds.split(',').map(Number));
    else if (kind === 'removing') this.removing.add(id);
    else if (kind === 'removed') this.removed.add(id);
    else if (kind === 'freed') this.freed += Number(id);
  }
}

async function liveUntilKilled(directory: string, holder: string, told: Told): Promise<void> {
  const child = spawn(process.execPath, [CHILD, directory, holder, KEY, identity.certificate], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  // After so much work, and then somewhere in the middle of the next.
  let lines = 10 + Math.floor(Math.random() * 30);
  for await (const line of createInterface({ input: child.stdout })) {
    told.take(line);
    if (--lines === 0) void sleep(Math.random() * 20).then(() => child.kill('SIGKILL'));
  }
  if (child.exitCode !== null) throw new Error(`The child ended by itself, with status ${child.exitCode}.`);
}

async function whatIsWrong(repository: Repository, told: Told): Promise<string[]> {
  const points = new Set((await repository.points()).map(({ id }) => id));
  const gone = [...told.there.keys()].filter((id) => !points.has(id) && !told.removing.has(id));
  const wrong = [
    ...repository.problems.map(({ message }) => message),
    ...[...told.removed].filter((id) => points.has(id)).map((id) => `point ${id} came back`),
    ...gone.map((id) => `point ${id} is gone`),
  ];
  for (const id of points) wrong.push(...(await brokenChunks(repository, id, told.there.get(id) ?? [])));
  return wrong;
}

async function brokenChunks(repository: Repository, point: string, seeds: number[]): Promise<string[]> {
  const wrong: string[] = [];
  for (const { id, body } of seeds.map((seed) => seededChunk(seed))) {
    const read = await repository.readChunk(uuidBytes(repository.id), id).catch((thrown) => thrown as Failure);
    const whole = 'body' in read && read.body.equals(body);
    if (!whole) wrong.push(`a chunk of point ${point}: ${'code' in read ? read.code : 'other bytes'}`);
  }
  return wrong;
}

t.test(
  'four backups and collections, killed twenty times: every point is whole, and the space comes back',
  async (t) => {
    const store = filesystemStore(t.testdir());
    await createRepository(store);
    const holder = randomUUID();
    const told = new Told();
    for (let round = 0; round < ROUNDS; round++) {
      await liveUntilKilled(store.location, holder, told);
      await using repository = await openRepository(store, { holder });
      const wrong = await whatIsWrong(repository, told);
      if (wrong.length > 0) t.same(wrong, [], `round ${round}`);
    }
    t.ok(
      told.there.size > ROUNDS && told.removed.size > ROUNDS,
      `${told.there.size} points, ${told.removed.size} removed`,
    );
    t.ok(told.freed > 0, `${told.freed} bytes were freed beside backups`);
    await using repository = await openRepository(store, { holder });
    for (const { id } of await repository.points()) await repository.removePoint(id, { reason: 'the end' });
    const { bytesAfter } = await repository.collect({ grace: 0 }, new AbortController().signal);
    t.equal(bytesAfter, 0);
    t.equal(await packBytes(store), 0, 'nothing is left');
  },
);
