import fc from 'fast-check';
import t from 'tap';
import { printable } from '../src/output/printable.ts';
import { formatPosition, Pace } from '../src/output/progress.ts';
import { formatTable } from '../src/output/table.ts';
import { formatBytes, formatDuration, formatRate, formatTime } from '../src/output/units.ts';

t.test('bytes are shown in binary steps with one decimal below 100', async (t) => {
  t.equal(formatBytes(0), '0 B');
  t.equal(formatBytes(1023), '1023 B');
  t.equal(formatBytes(1024), '1.0 KiB');
  t.equal(formatBytes(1536), '1.5 KiB');
  t.equal(formatBytes(120 * 1024), '120 KiB');
  t.equal(formatBytes(1024 * 1024 - 1), '1.0 MiB', 'never 1024 KiB');
  t.equal(formatBytes(5 * 2 ** 40), '5.0 TiB');
});

t.test('durations grow from milliseconds to hours', async (t) => {
  t.equal(formatDuration(830), '830 ms');
  t.equal(formatDuration(4230), '4.2 s');
  t.equal(formatDuration(59_960), '1m 00s');
  t.equal(formatDuration(187_000), '3m 07s');
  t.equal(formatDuration(7_500_000), '2h 05m');
});

t.test('a rate needs time to have passed', async (t) => {
  t.equal(formatRate(1024 * 1024, 500), '2.0 MiB/s');
  t.equal(formatRate(1024, 0), '-');
});

t.test('times are shown in UTC to the second', async (t) => {
  t.equal(formatTime(Date.UTC(2026, 2, 1, 12, 30, 5, 999)), '2026-03-01 12:30:05');
});

t.test('columns are as wide as their widest cell', async (t) => {
  const columns = [{ title: 'name' }, { title: 'size', align: 'right' as const }];
  t.equal(
    formatTable(columns, [
      ['a', '5 B'],
      ['longer', '1.0 KiB'],
    ]),
    'name       size\na           5 B\nlonger  1.0 KiB\n',
  );
});

t.test('whatever a name holds, nothing that steers a terminal is printed and no two names look alike', async (t) => {
  t.equal(printable('a\u001b[31m\n\u202eb\\'), 'a\\x1b[31m\\x0a\\u202eb\\\\');
  const name = fc.string({ unit: 'binary', maxLength: 12 });
  fc.assert(
    fc.property(name, (text) => {
      // biome-ignore lint/suspicious/noControlCharactersInRegex: the characters that must not be there
      return !/[\u0000-\u001f\u007f-\u009f]/.test(printable(text));
    }),
  );
  fc.assert(fc.property(name, name, (a, b) => a === b || printable(a) !== printable(b)));
});

t.test('progress says unknown for a total or a time it does not know', async (t) => {
  const pace = new Pace();
  pace.sample(0, 0);
  const start = { phase: 'reading', done: 0, files: 3 };
  t.equal(formatPosition('job', start, pace), 'job: reading  3 files  0 B of unknown  ETA unknown');
  pace.sample(1024 * 1024, 1000);
  const later = { phase: 'reading', done: 1024 * 1024, total: 3 * 1024 * 1024 };
  t.equal(formatPosition('job', later, pace), 'job: reading  1.0 MiB of 3.0 MiB  1.0 MiB/s  ETA 2.0 s');
});

t.test('a standstill has no time left to tell', async (t) => {
  const pace = new Pace();
  pace.sample(5, 0);
  pace.sample(5, 1000);
  t.match(formatPosition('job', { phase: 'waiting', done: 5, total: 10 }, pace), /ETA unknown/);
});
