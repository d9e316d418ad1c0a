import { Failure } from '@sealift/core';
import type { Link } from '@sealift/wire';
import t from 'tap';
import { pair } from './pair.ts';
import { chunksOf, codeOf, isWhole, MIB, twoPoints } from './points-to-copy.ts';
import { SecondRepository } from './second-repository.ts';

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
