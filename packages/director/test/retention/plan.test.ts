import type { KeepRule } from '@sealift/wire';
import fc from 'fast-check';
import t from 'tap';
import { calendarOf, SPANS } from '../../src/retention/calendar.ts';
import { type Candidate, leavesOnlyNewest, plan } from '../../src/retention/plan.ts';

const calendar = calendarOf('Europe/Berlin');
const DAY = 24 * 3_600_000;
const NOW = Date.UTC(2026, 10, 24, 12);

function at(...times: string[]): Candidate[] {
  return times.map((time, i) => ({ id: time, receivedAt: Date.parse(time), sequence: i + 1, complete: true }));
}

function kept(points: Candidate[], rule: KeepRule | undefined, now = NOW): string[] {
  return plan(points, rule, { calendar, now }).flatMap(({ id, keep }) => (keep ? [id] : []));
}

const counts = fc.integer({ min: 0, max: 6 });
const rules = fc.record({
  last: counts,
  hourly: counts,
  daily: counts,
  weekly: counts,
  monthly: counts,
  yearly: counts,
});
const points = fc
  .array(
    fc.record({
      age: fc.oneof(fc.integer({ min: 0, max: 3 * DAY }), fc.integer({ min: 0, max: 1500 * DAY })),
      complete: fc.boolean(),
      lockedFor: fc.option(fc.integer({ min: -DAY, max: DAY }), { nil: undefined }),
      held: fc.option(fc.constant('court'), { nil: undefined }),
    }),
    { maxLength: 60 },
  )
  .map((drawn) =>
    drawn.map(({ age, complete, lockedFor, held }, i): Candidate => {
      const lock = lockedFor === undefined ? {} : { lockedUntil: NOW + lockedFor };
      const hold = held === undefined ? {} : { held };
      return { id: `p${i}`, receivedAt: NOW - age, sequence: i + 1, complete, ...lock, ...hold };
    }),
  );

t.test('a larger number never removes what a smaller one keeps', async () => {
  fc.assert(
    fc.property(points, rules, rules, (points, rule, more) => {
      const larger = Object.fromEntries(
        Object.entries(rule).map(([part, count]) => [part, count + (more[part as keyof KeepRule] ?? 0)]),
      );
      const after = new Set(kept(points, larger));
      return kept(points, rule).every((id) => after.has(id));
    }),
    { numRuns: 500 },
  );
});

t.test('asked again about what it has kept, a rule removes nothing, and gives the same reasons', async () => {
  fc.assert(
    fc.property(points, rules, (points, rule) => {
      const first = plan(points, rule, { calendar, now: NOW }).filter(({ keep }) => keep);
      const left = points.filter(({ id }) => first.some((verdict) => verdict.id === id));
      const second = plan(left, rule, { calendar, now: NOW });
      return JSON.stringify(second) === JSON.stringify(first);
    }),
    { numRuns: 500 },
  );
});

t.test('the newest point, the newest complete one, locked and held ones stay under every rule', async () => {
  fc.assert(
    fc.property(points, rules, (points, rule) => {
      const left = new Set(kept(points, rule));
      const newest = (some: Candidate[]) => Math.max(...some.map(({ receivedAt }) => receivedAt));
      const stays = (some: Candidate[]) =>
        some.length === 0 || some.some(({ id, receivedAt }) => receivedAt === newest(some) && left.has(id));
      const bound = points.filter(({ lockedUntil = 0, held }) => lockedUntil > NOW || held !== undefined);
      return stays(points) && stays(points.filter(({ complete }) => complete)) && bound.every(({ id }) => left.has(id));
    }),
    { numRuns: 500 },
  );
});

t.test('every verdict says why, whatever order the points come in', async () => {
  fc.assert(
    fc.property(points, rules, (points, rule) => {
      const verdicts = plan(points, rule, { calendar, now: NOW });
      const reversed = plan(points.toReversed(), rule, { calendar, now: NOW });
      return verdicts.every(({ why }) => why.length > 0) && JSON.stringify(verdicts) === JSON.stringify(reversed);
    }),
  );
});

t.test('each part of a rule keeps the newest point of its hours, days, weeks, months and years', async (t) => {
  const points = at(
    '2024-06-01T10:00:00Z',
    '2025-11-01T10:00:00Z',
    '2026-09-30T10:00:00Z',
    '2026-11-20T10:00:00Z',
    '2026-11-23T08:00:00Z',
    '2026-11-23T20:00:00Z',
    '2026-11-24T10:10:00Z',
    '2026-11-24T10:50:00Z',
  );
  t.same(kept(points, { last: 2 }), ['2026-11-24T10:50:00Z', '2026-11-24T10:10:00Z']);
  t.same(kept(points, { hourly: 2 }), ['2026-11-24T10:50:00Z', '2026-11-23T20:00:00Z']);
  t.same(kept(points, { daily: 3 }), ['2026-11-24T10:50:00Z', '2026-11-23T20:00:00Z', '2026-11-20T10:00:00Z']);
  t.same(kept(points, { weekly: 2 }), ['2026-11-24T10:50:00Z', '2026-11-20T10:00:00Z']);
  t.same(kept(points, { monthly: 2 }), ['2026-11-24T10:50:00Z', '2026-09-30T10:00:00Z']);
  t.same(kept(points, { yearly: 3 }), ['2026-11-24T10:50:00Z', '2025-11-01T10:00:00Z', '2024-06-01T10:00:00Z']);
  const [newest, , , , , , , oldest] = plan(points, { last: 1, yearly: 2 }, { calendar, now: NOW });
  t.same(newest?.why, ['last 1 of 1', 'yearly 1 of 2 (2026)', 'the newest recovery point']);
  t.match(oldest, { keep: false, why: ['nothing keeps it'] });
});

t.test('without a rule nothing goes; a rule for nothing leaves the newest and what is locked or held', async (t) => {
  const [oldest, middle, newest] = at('2026-01-01T00:00:00Z', '2026-02-01T00:00:00Z', '2026-03-01T00:00:00Z') as [
    Candidate,
    Candidate,
    Candidate,
  ];
  t.equal(kept([oldest, middle, newest], undefined).length, 3);
  t.same(kept([oldest, middle, newest], {}), [newest.id]);
  const locked = { ...oldest, lockedUntil: NOW + 1 };
  t.same(kept([locked, { ...middle, held: 'audit' }, newest], {}), [newest.id, middle.id, oldest.id]);
  t.same(kept([{ ...oldest, lockedUntil: NOW }, newest], {}), [newest.id], 'a lock that has ended keeps nothing');
  t.same(kept([{ ...middle, complete: true }, { ...newest, complete: false }, oldest], {}), [newest.id, middle.id]);
});

t.test('a rule that leaves hardly more than the newest point is recognised', async (t) => {
  const points = at('2026-01-01T00:00:00Z', '2026-02-01T00:00:00Z', '2026-03-01T00:00:00Z');
  const leaves = (rule: KeepRule, some = points) => leavesOnlyNewest(plan(some, rule, { calendar, now: NOW }));
  t.ok(leaves({}) && leaves({ last: 1 }) && leaves({ daily: 0, yearly: 5 }));
  t.notOk(leaves({ last: 2 }) || leaves({ monthly: 3 }) || leaves({ last: 1 }, points.slice(2)));
  const locked = points.map((point) => ({ ...point, lockedUntil: NOW + 1 }));
  t.notOk(leaves({ last: 1 }, locked), 'nothing goes now');
});

t.test('days are those of the time zone, with 23 and 25 hours, and no hour of an autumn night is lost', async (t) => {
  const autumn = at('2026-10-25T00:30:00Z', '2026-10-25T01:30:00Z', '2026-10-25T22:59:00Z', '2026-10-25T23:00:00Z');
  t.same(
    autumn.map(({ receivedAt }) => calendar(receivedAt).hourly),
    ['2026-10-25 02h GMT+02:00', '2026-10-25 02h GMT+01:00', '2026-10-25 23h GMT+01:00', '2026-10-26 00h GMT+01:00'],
  );
  t.same(kept(autumn, { daily: 9 }), ['2026-10-25T23:00:00Z', '2026-10-25T22:59:00Z']);
  t.equal(kept(autumn, { hourly: 9 }).length, 4);
  const spring = at('2026-03-28T22:59:00Z', '2026-03-28T23:00:00Z', '2026-03-29T21:59:00Z', '2026-03-29T22:00:00Z');
  t.same(
    spring.map(({ receivedAt }) => calendar(receivedAt).daily),
    ['2026-03-28', '2026-03-29', '2026-03-29', '2026-03-30'],
  );
  const utc = calendarOf('UTC');
  t.equal(utc(Date.parse('2026-10-25T22:59:00Z')).daily, '2026-10-25');
  t.equal(calendarOf('Pacific/Auckland')(Date.parse('2026-12-31T12:00:00Z')).yearly, '2027');
  t.throws(() => calendarOf('Berlin'), { code: 'time-zone-unknown', message: /Berlin/ });
});

t.test('weeks begin on Monday and belong to the year of their Thursday', async (t) => {
  const week = (time: string) => calendar(Date.parse(time)).weekly;
  t.equal(week('2026-12-31T10:00:00Z'), '2026-W53');
  t.equal(week('2027-01-03T10:00:00Z'), '2026-W53');
  t.equal(week('2027-01-04T10:00:00Z'), '2027-W01');
  t.equal(week('2024-12-30T10:00:00Z'), '2025-W01');
  t.ok(SPANS.includes('weekly'));
});
