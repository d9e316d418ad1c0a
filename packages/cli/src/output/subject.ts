import type { Named } from '@sealift/wire';
import { printable } from './printable.ts';

/** What a run is about, by name: a job, or for the tasks of a target a repository. */
export function subjectName({ job, repository }: { job?: Named; repository?: Named }): string {
  return printable(job?.name ?? repository?.name ?? '');
}
