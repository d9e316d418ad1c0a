import { createHash } from 'node:crypto';
import type { Presence } from '@sealift/wire';
import t from 'tap';
import { Dedup, VERDICT } from '../src/dedup/dedup.ts';
import { BoundedIdSet } from '../src/dedup/id-set.ts';

const idOf = (text: string) => createHash('sha256').update(text).digest();

/** A target that has the chunks named, and members by bundle. */
function setUp(has: Record<string, Presence> = {}) {
  const asked: string[] = [];
  const referenced: string[] = [];
  const known = new Map(Object.entries(has).map(([text, presence]) => [idOf(text).toString('hex'), presence]));
  const ask = async (ids: Buffer) =>
    Array.from({ length: ids.length / 32 }, (_, i): Presence => {
      const id = ids.toString('hex', i * 32, i * 32 + 32);
      asked.push(id);
      return known.get(id) ?? { state: 'missing' };
    });
  const dedup = new Dedup(ask, (id) => referenced.push(id.toString('hex')));
  return { dedup, asked, referenced };
}

t.test('a chunk is asked for and sent once, whoever meets it again', async (t) => {
  const { dedup, asked, referenced } = setUp({ old: { state: 'chunk' } });
  const ids = Buffer.concat([idOf('new'), idOf('old'), idOf('new')]);
  t.same([...(await dedup.chunks(ids))], [VERDICT.send, VERDICT.known, VERDICT.known]);
  t.same([...(await dedup.chunks(idOf('new')))], [VERDICT.known]);
  t.equal(asked.length, 2);
  t.same(referenced, [idOf('new').toString('hex'), idOf('old').toString('hex')]);
});

t.test('a small file is found in the bundle that the target names, or in the one that is being made', async (t) => {
  const { dedup, referenced } = setUp({ old: { state: 'member', bundle: idOf('old bundle'), ordinal: 7 } });
  const verdicts = await dedup.members(Buffer.concat([idOf('old'), idOf('new'), idOf('new')]));
  t.same([...verdicts], [VERDICT.known, VERDICT.send, VERDICT.known]);
  t.same(await dedup.whereabouts(idOf('old')), { bundle: idOf('old bundle'), ordinal: 7 });
  const waiting = dedup.whereabouts(idOf('new'));
  dedup.bundled(idOf('new bundle'), [idOf('other'), idOf('new')]);
  t.same(await waiting, { bundle: idOf('new bundle'), ordinal: 1 });
  t.same(referenced, [idOf('old bundle').toString('hex'), idOf('new bundle').toString('hex')]);
});

t.test('whoever waits for a bundle learns that the run has failed', async (t) => {
  const { dedup } = setUp();
  await dedup.members(idOf('never bundled'));
  const waiting = dedup.whereabouts(idOf('never bundled'));
  dedup.fail(new Error('the link is gone'));
  await t.rejects(waiting, /the link is gone/);
});

t.test('a set of ids tells new from known while it grows, and forgets when it is full', async (t) => {
  const ids = Array.from({ length: 5000 }, (_, i) => idOf(`id ${i}`));
  const set = new BoundedIdSet(5001);
  t.ok(ids.every((id) => set.add(id)));
  t.notOk(ids.some((id) => set.add(id)));
  set.add(idOf('the last that fits'));
  t.ok(set.add(idOf('one too many')));
  t.notOk(set.add(idOf('one too many')));
  t.ok(set.add(ids[0] as Buffer));
});
