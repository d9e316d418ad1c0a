import fc from 'fast-check';
import t from 'tap';
import { type RunFigures, suspicions } from '../../src/retention/guard.ts';

const MiB = 1024 * 1024;

function run(newBytes: number, ratio: number, protectedBytes = 100 * MiB): RunFigures {
  return { protectedBytes, newBytes, storedBytes: newBytes * ratio };
}

/** A first full run and nine small ones after it, newest first. */
const quiet = [...Array.from({ length: 9 }, (_, i) => run((1 + (i % 3) / 2) * MiB, 0.4)), run(100 * MiB, 0.4)];

t.test('files encrypted all at once are seen by how much changed and by what does not compress', async (t) => {
  const found = suspicions(run(95 * MiB, 1.001), quiet);
  t.equal(found.length, 2);
  t.match(found[0], /95\.0 MiB of 100\.0 MiB \(95 %\) changed at once; the median of 9 runs before is 1\.5 MiB/);
  t.match(found[1], /does not compress \(to 100 % of its size\); the median of 10 runs before is 40 %/);
});

t.test('a slow attacker who changes as much as usual is seen by what does not compress', async (t) => {
  const busy = [...Array.from({ length: 9 }, () => run(8 * MiB, 0.4)), run(100 * MiB, 0.4)];
  t.match(suspicions(run(9 * MiB, 1), busy), [/does not compress/]);
});

t.test('what is usual for a job raises nothing', async (t) => {
  t.same(suspicions(run(3 * MiB, 0.45), quiet), [], 'a few files more');
  t.same(suspicions(run(90 * MiB, 0.4), quiet.slice(0, 2)), [], 'too little history');
  t.same(suspicions(run(MiB / 2, 1, 2 * MiB), quiet), [], 'too little data');
  t.same(suspicions(run(19 * MiB, 0.4), quiet), [], 'too small a part');
  const photos = [...Array.from({ length: 9 }, () => run(6 * MiB, 1)), run(100 * MiB, 1)];
  t.same(suspicions(run(10 * MiB, 1), photos), [], 'files that never compressed');
  const rewritten = Array.from({ length: 10 }, (_, i) => run((60 + 5 * (i % 4)) * MiB, 0.4));
  t.same(suspicions(run(80 * MiB, 0.4), rewritten), [], 'a database that is dumped anew each night');
  const mixed = Array.from({ length: 10 }, (_, i) => run(8 * MiB, i % 2 === 0 ? 0.3 : 1));
  t.same(suspicions(run(9 * MiB, 1), mixed), [], 'files of which every other lot does not compress');
  t.same(suspicions({ protectedBytes: 0, newBytes: 90 * MiB, storedBytes: 0 }, quiet), [], 'a point of unknown size');
});

t.test('a run like one of its history is never suspicious, and figures of any size break nothing', async () => {
  const figures = fc.record({
    protectedBytes: fc.nat(1e12),
    newBytes: fc.nat(1e12),
    storedBytes: fc.nat(1e12),
  });
  fc.assert(
    fc.property(figures, fc.array(figures, { maxLength: 40 }), (one, many) => Array.isArray(suspicions(one, many))),
  );
  fc.assert(
    fc.property(
      figures,
      fc.integer({ min: 3, max: 30 }),
      (one, times) => suspicions(one, Array(times).fill(one)).length === 0,
    ),
  );
});
