import { randomBytes } from 'node:crypto';
import { Failure } from '@sealift/core';
import { openManifest, type PointCopy, sealManifest } from '@sealift/repository';
import { MESSAGE } from '@sealift/wire';
import t from 'tap';
import { pair } from './pair.ts';
import { codeOf, isWhole, runOf, twoPoints } from './points-to-copy.ts';
import { answerTo, SecondRepository } from './second-repository.ts';

t.test('a ticket to copy opens nothing else, and another ticket opens no copy', async (t) => {
  await using both = await pair();
  await using second = await SecondRepository.of(both);
  const [point, other] = await twoPoints(both);
  const { pointId: runId, jobId } = point;
  const run = runOf(point);
  const open = { runId, jobId, repositoryId: second.repository.id };
  t.equal(await answerTo(await second.linkFor(point), { ...open, purpose: 'copy', run }), `message ${MESSAGE.opened}`);
  t.equal(await answerTo(await second.linkFor(point), { ...open, purpose: 'backup', run }), 'not-permitted');
  t.equal(await answerTo(await second.linkFor(point), { ...open, purpose: 'restore' }), 'not-permitted');
  t.equal(await answerTo(await second.linkFor(point), { ...open, purpose: 'copy' }), 'not-permitted', 'without a run');
  t.equal(await answerTo(await second.linkFor(other), { ...open, purpose: 'copy', run }), 'not-permitted');
  for (const rights of [['append'], ['read']] as const) {
    const link = await second.linkFor(point, { rights: [...rights] });
    t.equal(await answerTo(link, { ...open, purpose: 'copy', run }), 'not-permitted', rights[0]);
  }
});

t.test('the copying target can bring no other point than the one that its ticket names', async (t) => {
  await using both = await pair();
  await using second = await SecondRepository.of(both);
  const [point] = await twoPoints(both);
  const { manifest } = openManifest(point.manifest);
  const domainRun = both.domain.runKey(runOf(point).runSalt, runOf(point).epoch);
  const ownMade = sealManifest({ ...manifest, sourceId: both.target.id }, { identity: both.target, run: domainRun });
  const newer = sealManifest(
    { ...manifest, createdAt: manifest.createdAt + 1 },
    { identity: both.source, run: domainRun },
  );
  const flipped = Buffer.from(point.manifest);
  flipped.writeUInt8(flipped.readUInt8(200) ^ 1, 200);
  t.equal(await codeOf(second.copy({ ...point, manifest: ownMade })), 'manifest-forged', 'made by itself');
  t.equal(await codeOf(second.copy({ ...point, manifest: newer })), 'not-permitted', 'made by the source, another one');
  t.not(await codeOf(second.copy({ ...point, manifest: flipped })), 'nothing', 'with one bit flipped');
  t.same(await second.repository.points(), []);
  await second.copy(point);
  t.ok(await isWhole(point, second.repository), 'the point itself is taken afterwards');
});

t.test('chunks of a foreign zone or run are refused, and so is a list with less in it', async (t) => {
  await using both = await pair();
  await using second = await SecondRepository.of(both);
  const [first, point] = await twoPoints(both);
  const foreign: PointCopy['read'] = async (id) => {
    const chunk = await point.read(id);
    // The id of the encryption domain in the header of a sealed chunk.
    randomBytes(16).copy(chunk.body, 8);
    return chunk;
  };
  t.equal(await codeOf(second.copy({ ...point, read: foreign })), 'protocol-violation', 'a foreign zone');
  const by = { ...point.by, runOf: () => runOf(point) };
  t.equal(await codeOf(second.copy({ ...point, by })), 'protocol-violation', 'a foreign run');
  const otherDomain = second.copy(point, { grant: { domainId: second.repository.id } });
  t.equal(await codeOf(otherDomain), 'wrong-zone', 'a ticket for another domain');
  const { summary, references } = first;
  t.equal(await codeOf(second.copy({ ...point, summary, references })), 'point-refused', 'the list of another point');
  t.same(await second.repository.points(), []);
});

t.test('what is damaged in the first repository is not copied', async (t) => {
  await using both = await pair();
  await using second = await SecondRepository.of(both);
  const [point] = await twoPoints(both);
  const damaged: PointCopy['read'] = () => Promise.reject(new Failure('chunk-damaged', 'corrupt', 'Damaged.'));
  t.equal(await codeOf(second.copy({ ...point, read: damaged })), 'chunk-damaged');
  t.same(await second.repository.points(), []);
});
