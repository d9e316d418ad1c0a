import { statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { excludeRules, walk } from '../src/index.ts';

/** Whether a walk at that time, ms since 1970, takes the file for settled. */
function settledAt(root: string, time: number): boolean {
  const { now } = Date;
  Date.now = () => time;
  try {
    const items = [...walk(Buffer.from(root), { name: Buffer.from('root'), exclude: excludeRules([]) })];
    return items.some((item) => 'entry' in item && item.entry.kind === 'file' && item.entry.source.settled);
  } finally {
    Date.now = now;
  }
}

const changedAt = (path: string) => Math.floor(statSync(path).ctimeMs);

t.test(
  'a file that was changed shortly before the walk, or after by a clock that went back, is not settled',
  async (t) => {
    const root = t.testdir();
    const path = join(root, 'file');
    writeFileSync(path, 'x');
    const ctimeMs = changedAt(path);
    t.notOk(settledAt(root, ctimeMs + 1000));
    t.ok(settledAt(root, ctimeMs + 10_000));
    t.notOk(settledAt(root, ctimeMs - 3_600_000), 'the clock went back');
    utimesSync(path, 0, 0);
    t.notOk(settledAt(root, changedAt(path) + 1000), 'a modification time that was set says nothing');
    utimesSync(path, 4e9, 4e9);
    t.ok(settledAt(root, changedAt(path) + 10_000), 'one in the future does no harm');
  },
);
