import { fork } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { TaskJournal } from '../src/tasks/journal.ts';
import { folderFor, silent } from './helpers.ts';

const WRITER = fileURLToPath(new URL('./journal-writer.ts', import.meta.url));

t.test('results survive the death of the process by SIGKILL', async (t) => {
  const folder = await folderFor(t);
  const taskIds = [randomUUID(), randomUUID(), randomUUID()];
  const child = fork(WRITER, [folder, ...taskIds], { stdio: 'inherit', execArgv: [] });
  const exit = once(child, 'exit');
  let recorded = 0;
  child.on('message', () => {
    recorded += 1;
    if (recorded === taskIds.length) child.kill('SIGKILL');
  });
  t.same((await exit)[1], 'SIGKILL');
  const journal = await TaskJournal.open(folder, silent);
  t.same(
    journal
      .all()
      .map(({ taskId }) => taskId)
      .sort(),
    taskIds.toSorted(),
  );
  const [taskId = ''] = taskIds;
  const task = journal.get(taskId);
  t.match(task, { attempt: 2, result: { outcome: 'warnings', point: { id: taskId, sequence: 4 } } });
  t.ok(task?.result.point?.hash.equals(Buffer.alloc(32, 7)), 'bytes come back as bytes');
  t.ok(task?.warnings[0]?.path.equals(Buffer.from([0x66, 0xff, 0x6f])), 'a name that is not UTF-8 too');
});

t.test('an acknowledged result is gone for good', async (t) => {
  const folder = await folderFor(t);
  const journal = await TaskJournal.open(folder, silent);
  const task = { taskId: randomUUID(), attempt: 1, result: failed(), warnings: [] };
  await journal.record(task);
  await journal.forget(task);
  t.same(journal.all(), []);
  t.same((await TaskJournal.open(folder, silent)).all(), []);
});

t.test('forgetting the result of an attempt keeps that of a later one', async (t) => {
  const journal = await TaskJournal.open(await folderFor(t), silent);
  const first = { taskId: randomUUID(), attempt: 1, result: failed(), warnings: [] };
  const second = { ...first, attempt: 2 };
  await journal.record(first);
  await journal.record(second);
  await journal.forget(first);
  t.same(journal.get(first.taskId)?.attempt, 2);
});

t.test('a file that holds no result is set aside and the others are read', async (t) => {
  const folder = await folderFor(t);
  const journal = await TaskJournal.open(folder, silent);
  const task = { taskId: randomUUID(), attempt: 1, result: failed(), warnings: [] };
  await journal.record(task);
  const damaged = ['not JSON', '{}', '[]', JSON.stringify({ version: 1, taskId: '../../etc/passwd', attempt: 1 })];
  for (const contents of damaged) await writeFile(join(folder, `${randomUUID()}.json`), contents);
  t.same((await TaskJournal.open(folder, silent)).all(), [task]);
  const names = await readdir(folder);
  t.same(names.filter((name) => name.endsWith('.damaged')).length, damaged.length);
});

function failed() {
  const none = { files: 0, bytesRead: 0, bytesNew: 0, bytesSent: 0, bytesStored: 0, reconnects: 0, warnings: 0 };
  return {
    outcome: 'failed' as const,
    failure: { code: 'unreachable', kind: 'retry' as const, message: 'no answer', advice: 'wait' },
    progress: { phase: 'waiting' as const, ...none },
    startedAt: 1,
    finishedAt: 2,
  };
}
