import { randomBytes } from 'node:crypto';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { filesystemStore, openRepository, type PointCopy } from '@sealift/repository';
import t from 'tap';
import { type Pair, pair } from './pair.ts';
import { chunksOf, isWhole, twoPoints } from './points-to-copy.ts';
import { SecondRepository } from './second-repository.ts';

/** The second repository opened again, as after a restart of its target, with what was done to it meanwhile. */
async function copiedAndHarmed(both: Pair, harm: (path: string, point: PointCopy) => void) {
  const [first, point] = await twoPoints(both);
  {
    await using second = await SecondRepository.of(both);
    await second.copy(first);
    await second.copy(point);
  }
  harm(join(both.folder, 'second'), point);
  return { second: await SecondRepository.reopened(both), point, first };
}

async function flawsOf(both: Pair): Promise<number> {
  const store = filesystemStore(join(both.folder, 'second'));
  await using reader = await openRepository(store, { holder: both.sourceId, readOnly: true });
  return (await reader.verify({})).flaws;
}

t.test('what a repository has lost of a point comes back with a copy, and nothing else is sent', async (t) => {
  await using both = await pair();
  const [first, point] = await twoPoints(both);
  await using second = await SecondRepository.of(both);
  await second.copy(first);
  await second.copy(point);
  const path = join(both.folder, 'second');
  const [name] = (await filesystemStore(path).list('packs')) as [string];
  const bytes = readFileSync(join(path, name));
  bytes.writeUInt8(bytes.readUInt8(5_000) ^ 1, 5_000);
  writeFileSync(join(path, name), bytes);
  await second.repository.verify({});
  const { chunksLost, affectedPoints } = await second.repository.repair({});
  t.ok(chunksLost > 0 && affectedPoints > 0, `${chunksLost} chunks of ${affectedPoints} points are lost`);
  t.notOk(await isWhole(point, second.repository).catch(() => false));
  let sent = 0;
  for (const one of [first, point]) await second.copy(one, { onChunk: () => sent++ });
  t.equal(sent, chunksLost);
  t.ok((await isWhole(first, second.repository)) && (await isWhole(point, second.repository)));
  t.match(await second.repository.verify({}), { flaws: 0, missingChunks: 0 });
  t.match(await second.copy(point, { onChunk: () => sent++ }), { wasThere: true });
  t.equal(sent, chunksLost);
});

t.test('a list that a repair could only rebuild is replaced by the true one', async (t) => {
  await using both = await pair();
  const { second, point } = await copiedAndHarmed(both, (path, { pointId }) =>
    rmSync(join(path, 'references', pointId)),
  );
  await using _open = second;
  t.match(await second.repository.repair({}), { filesMended: 1 });
  t.match(await second.repository.pointRuns(point.pointId), { rebuilt: true });
  t.match(await second.copy(point), { wasThere: false });
  t.same(await chunksOf(await second.repository.pointCopy(point.pointId)), await chunksOf(point));
  t.equal(await flawsOf(both), 0);
});

t.test('a point of which no copy can be read is brought back, and its second copy is mended', async (t) => {
  await using both = await pair();
  const { second, point } = await copiedAndHarmed(both, (path, { pointId }) => {
    for (const folder of ['points', 'spare/points']) writeFileSync(join(path, folder, pointId), randomBytes(99));
  });
  await using _open = second;
  t.equal((await second.repository.points()).length, 1);
  t.match(await second.repository.repair({}), { filesMended: 0, filesLeft: 2 });
  t.match(await second.copy(point, { onChunk: () => t.fail('its chunks are there') }), { wasThere: false });
  t.ok(await isWhole(point, second.repository));
  t.match(await second.repository.repair({}), { filesMended: 1, filesLeft: 0 });
  t.equal(await flawsOf(both), 0);
});
