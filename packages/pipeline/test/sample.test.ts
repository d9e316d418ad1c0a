import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CHUNK_TYPE } from '@sealift/crypto';
import type { Repository } from '@sealift/repository';
import t from 'tap';
import { type Pair, pair } from './pair.ts';
import { makeTree, noise } from './sources.ts';

/** Serves chunks of this type with one bit changed. */
function damaging(both: Pair, type: number): Repository {
  return new Proxy(both.repository, {
    get(truth, name) {
      const value = Reflect.get(truth, name);
      if (name !== 'readChunk') return typeof value === 'function' ? value.bind(truth) : value;
      return async (zone: Buffer, id: Buffer) => {
        const chunk = await truth.readChunk(zone, id);
        const at = chunk.body.length - 1;
        if (chunk.type === type) chunk.body.writeUInt8(chunk.body.readUInt8(at) ^ 1, at);
        return chunk;
      };
    },
  });
}

for (const mode of ['in-flight', 'source-side'] as const) {
  t.test(
    `a sample of a recovery point proves that it opens, and damage anywhere in it fails, in ${mode} mode`,
    async (t) => {
      await using both = await pair();
      const source = join(both.folder, 'data');
      makeTree(source);
      const { pointId, hash } = await both.backup([source], mode);
      const sampled = await both.sample(pointId, mode, { files: 20, hash });
      t.equal(sampled.files, 20);
      t.ok(sampled.bytes > 0 && sampled.chunks === sampled.files);
      const wrongHash = both.sample(pointId, mode, { files: 1, hash: Buffer.alloc(32) });
      await t.rejects(wrongHash, { code: 'point-substituted', kind: 'corrupt' });
      for (const type of [CHUNK_TYPE.manifest, CHUNK_TYPE.tree, CHUNK_TYPE.bundle]) {
        both.served = damaging(both, type);
        await t.rejects(
          both.sample(pointId, mode, { files: 500, hash }),
          { name: 'Failure', kind: 'corrupt' },
          `type ${type}`,
        );
      }
    },
  );
}

t.test('the point before and the set of runs are told with each new point', async (t) => {
  await using both = await pair();
  const path = join(both.folder, 'data');
  mkdirSync(path);
  writeFileSync(join(path, 'one'), noise('one', 400_000));
  const first = await both.backup([path], 'source-side');
  t.equal(first.previous, undefined);
  writeFileSync(join(path, 'two'), noise('two', 400_000));
  const second = await both.backup([path], 'source-side');
  t.ok(second.previous?.equals(first.hash));
  t.notOk(second.runsHash?.equals(first.runsHash as Buffer), 'it refers to chunks of both runs');
  const plain = await both.backup([path], 'in-flight');
  t.equal(plain.runsHash, undefined);
});

t.test('a run stores no more than its quota, over all its connections', async (t) => {
  await using both = await pair();
  const path = join(both.folder, 'large');
  writeFileSync(path, noise('large', 6_000_000));
  const runId = 'b4b9ae1c-4b27-4d76-8a67-1a5b6f0d9f10';
  for (const attempt of ['first', 'second']) {
    const run = both.backup([path], 'source-side', { runId, byteQuota: 2_000_000 });
    await t.rejects(run, { code: 'quota-exceeded', kind: 'refused' }, attempt);
  }
  t.ok(both.repository.stats().chunks <= 3, `${both.repository.stats().chunks} chunks`);
  t.same(await both.repository.points(), []);
  const { pointId } = await both.backup([path], 'source-side', { byteQuota: 7_000_000 });
  t.equal((await both.restore(pointId, 'source-side', join(both.folder, 'restored'))).warned.length, 0);
});
