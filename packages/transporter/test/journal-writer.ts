import type { TaskResult } from '@sealift/wire';
import { TaskJournal } from '../src/tasks/journal.ts';
import { silent } from './helpers.ts';

/** Records one result after the other, says so, and goes on until it is killed. */
const [folder = '', ...taskIds] = process.argv.slice(2);
const journal = await TaskJournal.open(folder, silent);
const progress = {
  phase: 'committing' as const,
  files: 3,
  bytesRead: 5000,
  bytesNew: 4000,
  bytesSent: 3000,
  bytesStored: 2000,
  reconnects: 1,
  warnings: 1,
};
for (const taskId of taskIds) {
  const result: TaskResult = {
    outcome: 'warnings',
    progress,
    point: {
      id: taskId,
      hash: Buffer.alloc(32, 7),
      sequence: 4,
      createdAt: 1,
      files: 3,
      bytes: 5000,
      mode: 'source-side',
    },
    startedAt: 1,
    finishedAt: 2,
  };
  const warnings = [{ path: Buffer.from([0x66, 0xff, 0x6f]), code: 'unreadable', message: 'no permission' }];
  await journal.record({ taskId, attempt: 2, result, warnings });
  process.send?.(taskId);
}
setInterval(() => {}, 1000);
