import { randomUUID } from 'node:crypto';
import t from 'tap';
import { TaskReporter } from '../src/tasks/reporter.ts';
import { silent } from './helpers.ts';

const away = {
  connected: false,
  call: () => Promise.reject(new Error('the Director is away')),
  notify: () => {},
};
const uncounted = { countProgress: () => {}, countRetry: () => {} };

t.test('a thousand warnings of a run are kept for the Director, the rest is only counted', async (t) => {
  await using reporter = new TaskReporter(randomUUID(), away, silent, uncounted);
  for (let number = 0; number < 1500; number += 1) {
    reporter.warning({ path: Buffer.from(`file ${number}`), code: 'unreadable', message: 'no permission' });
  }
  t.same(reporter.warnings, 1500);
  const kept = await reporter.finish();
  t.same(kept.length, 1000);
  t.same(kept[999]?.path.toString(), 'file 999');
});

t.test('what is longer than a message takes is cut', async (t) => {
  await using reporter = new TaskReporter(randomUUID(), away, silent, uncounted);
  reporter.warning({ path: Buffer.alloc(5000, 'x'), code: 'y'.repeat(100), message: 'z'.repeat(5000) });
  const [warning] = await reporter.finish();
  t.same([warning?.path.length, warning?.code.length, warning?.message.length], [4096, 64, 1024]);
});
