import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Failure, failureFromRecord } from '@sealift/core';
import { openManifest, type PointCopy, type Repository, sealManifest } from '@sealift/repository';
import { decodeRefused, encodeOpen, type Link, MESSAGE, type Open } from '@sealift/wire';
import t from 'tap';
import { type Pair, pair } from './pair.ts';
import { SecondRepository } from './second-repository.ts';
import { noise } from './sources.ts';

const MIB = 1024 * 1024;

/** Two points, the second with the chunks of the first and some of its own. */
async function twoPoints(both: Pair, length = 2 * MIB): Promise<[PointCopy, PointCopy]> {
  const tree = join(both.folder, 'tree');
  mkdirSync(tree);
  writeFileSync(join(tree, 'film'), randomBytes(length));
  for (let i = 0; i < 30; i++) writeFileSync(join(tree, `note-${i}`), noise(`note-${i}`, 2_000));
  const first = await both.backup([tree], 'source-side');
  writeFileSync(join(tree, 'clip'), noise('clip', MIB));
  const second = await both.backup([tree], 'source-side');
  return [await both.repository.pointCopy(first.pointId), await both.repository.pointCopy(second.pointId)];
}

async function chunksOf(point: PointCopy): Promise<Set<string>> {
  const ids = new Set<string>();
  for await (const batch of point.references()) {
    for (let at = 0; at < batch.length; at += 32) ids.add(batch.toString('hex', at, at + 32));
  }
  return ids;
}

/** Whether every chunk of the point is in the other repository as it is in the first. */
async function isWhole(point: PointCopy, other: Repository): Promise<boolean> {
  const copied = await other.pointCopy(point.pointId);
  if (!copied.manifest.equals(point.manifest)) return false;
  for (const id of await chunksOf(point)) {
    const [one, two] = await Promise.all([point, copied].map((each) => each.read(Buffer.from(id, 'hex'))));
    if (!(one?.body.equals(two?.body ?? Buffer.alloc(0)) && one.members.equals(two?.members ?? one.body))) return false;
  }
  return (await other.pointRuns(point.pointId)).missingCount === 0;
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
  } catch (thrown) {
    if (thrown instanceof Failure) return thrown.code;
    throw thrown;
  }
  return 'nothing';
}

t.test('a point whose chunks are of several runs is copied as it is stored, and verifies', async (t) => {
  await using both = await pair();
  await using second = await SecondRepository.of(both);
  const [, point] = await twoPoints(both);
  t.match(await second.copy(point), { wasThere: false });
  t.ok(await isWhole(point, second.repository));
  t.match(await second.repository.verify({}), { flaws: 0, missingChunks: 0, damagedChunks: 0 });
  t.match(await second.copy(point), { wasThere: true });
});

t.test('of the next point only the chunks that are lacking are sent', async (t) => {
  await using both = await pair();
  await using second = await SecondRepository.of(both);
  const [first, next] = await twoPoints(both);
  await second.copy(first);
  const known = await chunksOf(first);
  const lacking = [...(await chunksOf(next))].filter((id) => !known.has(id)).length;
  let sent = 0;
  await second.copy(next, { onChunk: () => sent++ });
  t.equal(sent, lacking);
  t.ok((await isWhole(first, second.repository)) && (await isWhole(next, second.repository)));
});

t.test('a copy that was cancelled goes on where it was', async (t) => {
  await using both = await pair();
  await using second = await SecondRepository.of(both);
  const [point] = await twoPoints(both, 20 * MIB);
  const stop = new AbortController();
  let sent = 0;
  const cancelled = second.copy(point, {
    signal: stop.signal,
    onChunk: (bytes) => {
      sent += bytes;
      if (sent > 17 * MIB) stop.abort(new Failure('cancelled', 'refused', 'Cancelled.'));
    },
  });
  t.equal(await codeOf(cancelled), 'cancelled');
  t.same(await second.repository.points(), [], 'nothing is to be seen of it');
  let again = 0;
  await second.copy(point, {
    onChunk: (bytes) => {
      again += bytes;
    },
  });
  // What was in the window of 12 MiB, or not yet in it, may have to be sent again.
  t.ok(again < 18 * MIB, `${again} bytes were sent again`);
  t.ok(await isWhole(point, second.repository));
});

t.test('a copy outlives its links', async (t) => {
  await using both = await pair();
  await using second = await SecondRepository.of(both);
  const [, point] = await twoPoints(both, 8 * MIB);
  const links: Link[] = [];
  let chunks = 0;
  const onChunk = () => {
    chunks += 1;
    if (chunks % 3 === 0 && links.length < 4) links.at(-1)?.abort(new Failure('disconnected', 'retry', 'Cut.'));
  };
  await second.copy(point, { onChunk, onLink: (link) => links.push(link) });
  t.ok(links.length > 2, `${links.length} links were made`);
  t.ok(await isWhole(point, second.repository));
});

t.test('an in-flight point cannot be copied', async (t) => {
  await using both = await pair();
  writeFileSync(join(both.folder, 'file'), 'contents');
  const { pointId } = await both.backup([join(both.folder, 'file')], 'in-flight');
  t.equal(await codeOf(both.repository.pointCopy(pointId)), 'copy-needs-source-side');
});

/** What the other target says to a session opened so. */
async function answerTo(link: Link, open: Open): Promise<string> {
  await using held = link;
  await held.send(MESSAGE.open, encodeOpen(open));
  for await (const { kind, payload } of held.messages()) {
    return kind === MESSAGE.refused ? failureFromRecord(decodeRefused(payload)).code : `message ${kind}`;
  }
  return 'nothing';
}

t.test('a ticket to copy opens nothing else, and another ticket opens no copy', async (t) => {
  await using both = await pair();
  await using second = await SecondRepository.of(both);
  const [point, other] = await twoPoints(both);
  const { pointId: runId, jobId, run } = point;
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
  const domainRun = both.domain.runKey(point.run.runSalt, point.run.epoch);
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
  t.equal(await codeOf(second.copy({ ...point, runOf: () => point.run })), 'protocol-violation', 'a foreign run');
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
