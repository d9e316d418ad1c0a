import type { Repository } from '@sealift/repository';
import type { Progress, UpkeepReport, UpkeepStart } from '@sealift/wire';
import type { TaskReporter } from './reporter.ts';
import { verify } from './verify.ts';

/** Does a task on a repository that this target serves. */
export async function upkeep(
  task: UpkeepStart,
  repository: Repository,
  reporter: TaskReporter,
  signal: AbortSignal,
): Promise<{ report: UpkeepReport; progress: Progress }> {
  switch (task.kind) {
    case 'verify':
      return await verify(task.spec, repository, reporter, signal);
  }
}
