import { randomBytes } from 'node:crypto';
import {
  CHUNK_TYPE,
  chunkId,
  chunkKeysFromSecret,
  encodeBundle,
  encodeInner,
  uuidBytes,
  uuidText,
} from '@sealift/crypto';
import type { ChunkToCopy, PointCopy } from '@sealift/repository';
import type { Open } from '@sealift/wire';
import t from 'tap';
import { pair } from './pair.ts';
import { codeOf, isWhole, MIB, twoPoints } from './points-to-copy.ts';
import { answerTo, SecondRepository } from './second-repository.ts';

function plain(plaintext: Buffer): Buffer {
  return encodeInner({ codec: 0, plaintextLength: plaintext.length, compressed: plaintext, padding: 'none' });
}

type InFlight = Extract<PointCopy['by'], { mode: 'in-flight' }>;

function zoneOf({ by }: PointCopy): InFlight {
  if (by.mode === 'in-flight') return by;
  throw new Error('not an in-flight point');
}

for (const secondKey of [undefined, randomBytes(32)]) {
  const where = secondKey === undefined ? 'a plain repository' : 'a repository encrypted at rest';
  t.test(`${where} takes no chunk from a hostile first target that is not what its id says`, async (t) => {
    await using both = await pair();
    await using second = await SecondRepository.of(both, secondKey === undefined ? {} : { slotKey: secondKey });
    const [point] = await twoPoints(both, 2 * MIB, 'in-flight');
    const { idKey } = chunkKeysFromSecret(zoneOf(point).dedupSecret);
    const attacks: [string, (chunk: ChunkToCopy) => Partial<ChunkToCopy>][] = [
      ['other contents', () => ({ body: plain(Buffer.from('planted')) })],
      ['noise', () => ({ body: randomBytes(500) })],
      ['data as a tree', () => ({ type: CHUNK_TYPE.tree })],
      ['a bundle with other members', ({ members }) => (members.length > 0 ? { members: randomBytes(32) } : {})],
    ];
    for (const [name, bend] of attacks) {
      const read: PointCopy['read'] = async (id) => {
        const chunk = await point.read(id);
        return { ...chunk, ...bend(chunk) };
      };
      t.not(await codeOf(second.copy({ ...point, read })), 'nothing', name);
      t.same(await second.repository.points(), [], `${name}: no point is there`);
    }
    const planted = encodeBundle([{ id: randomBytes(32), contents: Buffer.from('a victim, later') }]);
    const id = chunkId(idKey, CHUNK_TYPE.bundle, planted);
    const read: PointCopy['read'] = async () => {
      return { id, type: CHUNK_TYPE.bundle, members: planted.subarray(4, 36), body: plain(planted) };
    };
    t.not(await codeOf(second.copy({ ...point, read })), 'nothing', 'a member that is not what its id says');
    t.equal(second.repository.lookup(zoneOf(point).zone, id).state, 'missing');
    await second.copy(point);
    t.ok(await isWhole(point, second.repository), 'the point itself is taken afterwards');
  });
}

t.test('a false secret of a zone lets nothing in under the ids of the true one', async (t) => {
  await using both = await pair();
  await using second = await SecondRepository.of(both);
  const [point] = await twoPoints(both, 2 * MIB, 'in-flight');
  const by = { ...zoneOf(point), dedupSecret: randomBytes(32) };
  t.equal(await codeOf(second.copy({ ...point, by })), 'chunk-damaged');
  t.equal(second.repository.stats().chunks, 0);
  t.equal(await codeOf(second.copy(point)), 'zone-differs', 'what was said first stays');
  t.same(await second.repository.points(), []);
});

t.test('a zone is that of the ticket, and the zone of the second repository has its own secret', async (t) => {
  await using both = await pair();
  await using second = await SecondRepository.of(both);
  const [point] = await twoPoints(both, 2 * MIB, 'in-flight');
  const { zone, dedupSecret } = zoneOf(point);
  const { pointId: runId, jobId } = point;
  const open: Open = { purpose: 'copy', runId, jobId, repositoryId: second.repository.id };
  const own = { id: second.repository.id, dedupSecret };
  t.equal(await answerTo(await second.linkFor(point), open), 'not-permitted', 'without a zone');
  t.equal(await answerTo(await second.linkFor(point), { ...open, zone: own }), 'not-permitted', 'another zone');
  const toOwn = await second.linkFor(point, { domainId: second.repository.id });
  t.equal(await answerTo(toOwn, { ...open, zone: own }), 'zone-differs', 'the own zone');
  const honest = { id: uuidText(zone), dedupSecret };
  const sealed = await second.linkFor(point, { mode: 'source-side' });
  t.equal(await answerTo(sealed, { ...open, zone: honest }), 'not-permitted', 'a ticket of the other mode');
  const writing = await second.linkFor(point, { rights: ['append'] });
  t.equal(await answerTo(writing, { ...open, purpose: 'backup', zone: honest }), 'not-permitted', 'a backup');
  t.notOk(second.repository.zones.has(zone), 'nothing of it was taken in');
  const reading = await second.linkFor(point, { rights: ['read'] });
  t.equal(await answerTo(reading, { ...open, purpose: 'restore' }), 'not-permitted', 'a zone that is not there');
});

t.test('an encryption domain cannot be taken for the zone of a repository, nor the reverse', async (t) => {
  await using both = await pair();
  await using second = await SecondRepository.of(both);
  const [sealed] = await twoPoints(both);
  await second.copy(sealed);
  const zone = Buffer.from(both.domain.domainId);
  await t.rejects(second.repository.zones.keep(zone, randomBytes(32)), { code: 'wrong-zone' });
  t.notOk(second.repository.zones.has(zone));
  await second.repository.zones.keep(uuidBytes(both.repository.id), both.repository.dedupSecret);
  const run = both.domain.newRun();
  t.throws(() => second.repository.writer({ zone: uuidBytes(both.repository.id), run }), { code: 'wrong-zone' });
});
