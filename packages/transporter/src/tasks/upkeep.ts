import type { Repository } from '@sealift/repository';
import type { Progress, UpkeepReport, UpkeepStart } from '@sealift/wire';
import { collect } from './collect.ts';
import type { DialContext } from './context.ts';
import { copy } from './copy.ts';
import { repair } from './repair.ts';
import type { TaskReporter } from './reporter.ts';
import { rotateMasterKey } from './rotate-master-key.ts';
import { verify } from './verify.ts';

/** What such a task works with. */
export interface UpkeepMeans {
  repository: Repository;
  /** Threads that this Transporter may use. */
  workers: number;
  /** For a copy: how the other target is dialled. */
  dialling: DialContext;
}

/** Does a task on a repository that this target serves. */
export async function upkeep(
  task: UpkeepStart,
  means: UpkeepMeans,
  reporter: TaskReporter,
  signal: AbortSignal,
): Promise<{ report: UpkeepReport; progress: Progress }> {
  switch (task.kind) {
    case 'verify':
      return await verify(task, means, reporter, signal);
    case 'repair':
      return await repair(task, means, reporter, signal);
    case 'collect':
      return await collect(task, means, reporter, signal);
    case 'rotate-master-key':
      return await rotateMasterKey(task, means, reporter, signal);
    case 'copy':
      return await copy(task, means, reporter, signal);
  }
}
