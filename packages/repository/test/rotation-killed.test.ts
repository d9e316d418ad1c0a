import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Failure } from '@sealift/core';
import { CHUNK_TYPE, type ChunkType, chunkId, chunkKeysFromSecret, uuidBytes } from '@sealift/crypto';
import { openRepository, type Repository } from '@sealift/repository';
import t from 'tap';
import { anEncrypted, holder } from './fixtures/encrypted.ts';
import { aSigner } from './fixtures/points.ts';

const ROUNDS = 12;
const { identity } = await aSigner();
const KEY = identity.privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
const CHILD = new URL('./fixtures/rotating-child.ts', import.meta.url).pathname;

/** What the children said. */
class Told {
  readonly points = new Map<string, string[]>();
  begun = 0;
  ended = 0;
  resumed = 0;

  take(line: string): void {
    const [kind, id, seeds] = line.split(' ') as [string, string, string];
    if (kind === 'point') this.points.set(id, seeds.split(','));
    else if (kind === 'rotating') this.begun += 1;
    else if (kind === 'resuming') this.resumed += 1;
    else this.ended += 1;
  }
}

async function rotateUntilKilled(args: string[], told: Told): Promise<void> {
  const child = spawn(process.execPath, [CHILD, ...args, KEY, identity.certificate], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  // After so much work, and then somewhere in the middle of the next.
  let lines = 3 + Math.floor(Math.random() * 10);
  for await (const line of createInterface({ input: child.stdout })) {
    told.take(line);
    if (--lines === 0) void sleep(Math.random() * 60).then(() => child.kill('SIGKILL'));
  }
  if (child.exitCode !== null) throw new Error(`The child ended by itself, with status ${child.exitCode}.`);
}

async function whatIsWrong(repository: Repository, told: Told): Promise<string[]> {
  const there = new Set((await repository.points()).map(({ id }) => id));
  const wrong = [
    ...repository.problems.map(({ message }) => message),
    ...[...told.points.keys()].filter((id) => !there.has(id)).map((id) => `point ${id} is gone`),
  ];
  for (const [id, seeds] of told.points) {
    const chunks: [ChunkType, string][] = seeds.map((seed) => [CHUNK_TYPE.data, `chunk ${seed}`]);
    chunks.push([CHUNK_TYPE.manifest, `body ${id}`]);
    for (const [type, text] of chunks) wrong.push(...(await unlessWhole(repository, type, text)));
  }
  return wrong;
}

async function unlessWhole(repository: Repository, type: ChunkType, text: string): Promise<string[]> {
  const id = chunkId(chunkKeysFromSecret(repository.dedupSecret).idKey, type, Buffer.from(text));
  const read = await repository.readChunk(uuidBytes(repository.id), id).catch((thrown) => thrown as Failure);
  if ('body' in read) return read.body.includes(text) ? [] : [`${text}: other bytes`];
  return [`${text}: ${read.code}`];
}

t.test(
  `a rotation of the master key beside a backup, killed ${ROUNDS} times: every point opens, and it goes on`,
  async (t) => {
    const { store, slot, slotKey } = await anEncrypted(t.testdir());
    const args = [store.location, holder, slot.id.toString('hex'), slotKey.toString('hex')];
    const told = new Told();
    const open = async () => {
      const repository = await openRepository(store, { holder });
      repository.encryption?.unlock(slot.id, slotKey);
      return repository;
    };
    for (let round = 0; round < ROUNDS; round++) {
      await rotateUntilKilled(args, told);
      await using repository = await open();
      const wrong = await whatIsWrong(repository, told);
      if (wrong.length > 0) t.same(wrong, [], `round ${round}`);
    }
    t.ok(told.begun > 0 && told.resumed > 0, `${told.begun} rotations begun, ${told.resumed} gone on with`);
    t.ok(told.points.size > ROUNDS, `${told.points.size} points`);
    await using repository = await open();
    const before = repository.encryption?.state.epoch ?? 0;
    const signal = new AbortController().signal;
    t.match(await repository.rotateMasterKey({ resumed: true }, signal), { earlier: [] }, 'it ends');
    t.match(await repository.rotateMasterKey({ resumed: false }, signal), { earlier: [] });
    t.ok((repository.encryption?.state.epoch ?? 0) > before);
    t.same(await whatIsWrong(repository, told), []);
    t.match(await repository.verify({}), { flaws: 0, missingChunks: 0 });
  },
);
