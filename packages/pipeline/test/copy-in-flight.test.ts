import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { filesystemStore, openRepository } from '@sealift/repository';
import { compareTrees } from '@sealift/workloads';
import t from 'tap';
import { createTargetWorkers, proveInFlight, recoverFromRepository } from '../src/index.ts';
import { type Pair, pair } from './pair.ts';
import { chunksOf, isWhole, MIB, twoPoints } from './points-to-copy.ts';
import { SecondRepository } from './second-repository.ts';

const NEVER = new AbortController().signal;

/** Restores a point from the second repository alone, and says how it differs from the tree that was backed up. */
async function differences(both: Pair, { repository }: SecondRepository, pointId: string): Promise<unknown[]> {
  const destination = join(both.folder, `restored-${randomBytes(4).toString('hex')}`);
  const options = {
    ...{ pointId, authority: both.source.authority, destination, only: [], overwrite: 'always' as const, workers: 1 },
    ...{ onProgress: () => {}, onWarning: () => {}, unlock: () => Promise.resolve() },
  };
  await recoverFromRepository(repository, options, NEVER);
  return [...compareTrees(join(both.folder, 'tree'), join(destination, 'tree'))];
}

const PLACES = [
  ['a plain repository', undefined, undefined],
  ['a repository encrypted at rest', undefined, randomBytes(32)],
  ['a plain repository from one encrypted at rest', randomBytes(32), undefined],
  ['a repository encrypted at rest from another such', randomBytes(32), randomBytes(32)],
] as const;

for (const [place, firstKey, secondKey] of PLACES) {
  t.test(`an in-flight point that is copied to ${place} restores, verifies and survives a collection`, async (t) => {
    await using both = await pair(firstKey === undefined ? {} : { slotKey: firstKey });
    await using second = await SecondRepository.of(both, secondKey === undefined ? {} : { slotKey: secondKey });
    const [first, point] = await twoPoints(both, 2 * MIB, 'in-flight');
    t.match(await second.copy(first), { wasThere: false });
    const known = await chunksOf(first);
    const lacking = [...(await chunksOf(point))].filter((id) => !known.has(id)).length;
    let sent = 0;
    t.match(await second.copy(point, { onChunk: () => sent++ }), { wasThere: false });
    t.equal(sent, lacking, 'what is there already is not sent');
    t.match(await second.copy(point), { wasThere: true });
    t.ok((await isWhole(first, second.repository)) && (await isWhole(point, second.repository)));
    t.same(await differences(both, second, point.pointId), []);
    await using pool = createTargetWorkers(1);
    const prove = proveInFlight(pool, (zone) => second.repository.zones.of(zone));
    const verified = await second.repository.verify({ prove });
    t.match(verified, { flaws: 0, missingChunks: 0, damagedChunks: 0 });
    t.equal(verified.idsProven, verified.chunksRead, 'the id of every chunk was made again');
    await second.repository.removePoint(first.pointId, { reason: 'test' });
    await second.repository.collect({}, NEVER);
    t.same(await differences(both, second, point.pointId), []);
  });
}

t.test('a thief of the second repository, encrypted at rest, reads nothing of what was copied', async (t) => {
  await using both = await pair();
  await using second = await SecondRepository.of(both, { slotKey: randomBytes(32) });
  const canary = randomBytes(30).toString('hex');
  writeFileSync(join(both.folder, 'named'), `${randomBytes(200_000).toString('hex')}${canary}`);
  const { pointId } = await both.backup([join(both.folder, 'named')], 'in-flight', { compression: 'none' });
  await second.copy(await both.repository.pointCopy(pointId));
  const secret = both.repository.dedupSecret;
  for (const item of readdirSync(join(both.folder, 'second'), { recursive: true, withFileTypes: true })) {
    if (!item.isFile()) continue;
    const bytes = readFileSync(join(item.parentPath, item.name));
    t.notOk(bytes.includes(canary) || bytes.includes(secret), `${item.name} is clear of it`);
  }
});

t.test('a copy is copied on to a third repository', async (t) => {
  await using both = await pair();
  const [, point] = await twoPoints(both, 2 * MIB, 'in-flight');
  await using second = await SecondRepository.of(both);
  await second.copy(point);
  const copied = await second.repository.pointCopy(point.pointId);
  t.match(copied, { by: { mode: 'in-flight', zone: (point.by as { zone: Buffer }).zone } });
  await using third = await SecondRepository.of(both, { slotKey: randomBytes(32) }, 'third');
  t.match(await third.copy(copied), { wasThere: false });
  t.same(await differences(both, third, point.pointId), []);
});

t.test('a master key is rotated under what was copied, and an earlier one opens nothing any more', async (t) => {
  await using both = await pair();
  const [, point] = await twoPoints(both, 2 * MIB, 'in-flight');
  await using second = await SecondRepository.of(both, { slotKey: randomBytes(32) });
  await second.copy(point);
  t.match(await second.repository.rotateMasterKey({ resumed: false }, NEVER), { epoch: 2, earlier: [] });
  t.same(await differences(both, second, point.pointId), []);
  t.match(await second.repository.verify({}), { flaws: 0, missingChunks: 0 });
});

t.test('what the second repository has lost of a copied point is brought again, its secret too', async (t) => {
  await using both = await pair();
  const [, point] = await twoPoints(both, 2 * MIB, 'in-flight');
  const path = join(both.folder, 'second');
  {
    await using second = await SecondRepository.of(both);
    await second.copy(point);
  }
  const zones = (await filesystemStore(path).list('')).filter((name) => /^(spare\/)?zones\//.test(name));
  t.equal(zones.length, 2);
  for (const name of zones) writeFileSync(join(path, name), randomBytes(104));
  await using second = await SecondRepository.reopened(both);
  t.same(
    second.repository.problems.map(({ code }) => code),
    ['file-damaged', 'file-damaged'],
  );
  await t.rejects(differences(both, second, point.pointId), { code: 'zone-unknown' });
  let sent = 0;
  await second.copy(point, { onChunk: () => sent++ });
  t.equal(sent, 0, 'no chunk was lost');
  t.same(await differences(both, second, point.pointId), []);
  await using reader = await openRepository(filesystemStore(path), { holder: both.sourceId, readOnly: true });
  t.same(reader.problems, []);
});
