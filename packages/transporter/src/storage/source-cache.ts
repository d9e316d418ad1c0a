import { readdirSync, statSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';

/** Removes what is kept for jobs that are not among `jobs`; the file of a run under way has a name of its own. */
export async function keepCachesOf(folder: string, jobs: string[]): Promise<void> {
  const known = new Set(jobs);
  const gone = (await readdir(folder)).filter((name) => !known.has(name) && !name.endsWith('.tmp'));
  await Promise.all(gone.map((name) => rm(join(folder, name), { force: true })));
}

/** Bytes of all files in it. */
export function cacheBytes(folder: string): number {
  return readdirSync(folder).reduce((sum, name) => {
    return sum + (statSync(join(folder, name), { throwIfNoEntry: false })?.size ?? 0);
  }, 0);
}
