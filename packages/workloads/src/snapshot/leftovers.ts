import { randomUUID } from 'node:crypto';
import { mkdir, open, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type Failure, toFailure } from '@sealift/core';
import { removeBtrfsSnapshot } from './btrfs-tool.ts';
import { lvmRemoval } from './lvm-plan.ts';
import { runSteps } from './run-steps.ts';

/** Something made for a backup that must not outlive it. */
export type Made =
  | { kind: 'btrfs'; path: string }
  | { kind: 'lvm'; snapshot: string; mountPoint: string }
  | { kind: 'file'; path: string };

/**
 * A folder with a note of each thing that was made and is to be removed again. A note is on disk before the thing is made
 * and goes after it is removed, so that what a killed process has left is found at the next start.
 */
export class Leftovers {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** To be called before the thing is made. Disposing of what it returns removes the thing and the note. */
  async note(made: Made): Promise<AsyncDisposable> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    const path = join(this.#folder, `${randomUUID()}.json`);
    await writeThrough(path, JSON.stringify(made));
    await using folder = await open(this.#folder);
    await folder.sync();
    return {
      [Symbol.asyncDispose]: async () => {
        await remove(made);
        await rm(path);
      },
    };
  }

  /** Removes what an earlier process has left behind. What cannot be removed keeps its note. */
  async removeAll(onRemoved: (what: Made) => void, onFailure: (failure: Failure) => void): Promise<void> {
    for (const name of await namesIn(this.#folder)) {
      const path = join(this.#folder, name);
      try {
        const made = parseMade(await readFile(path, 'utf8'));
        if (made !== undefined) {
          await remove(made);
          onRemoved(made);
        }
        await rm(path);
      } catch (thrown) {
        onFailure(toFailure(thrown));
      }
    }
  }
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).filter((name) => name.endsWith('.json'));
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw thrown;
  }
}

async function writeThrough(path: string, text: string): Promise<void> {
  await using file = await open(path, 'wx', 0o600);
  await file.writeFile(text);
  await file.sync();
}

/** Undefined: a note that was cut off before anything was made. */
function parseMade(text: string): Made | undefined {
  try {
    return JSON.parse(text) as Made;
  } catch {
    return undefined;
  }
}

async function remove(made: Made): Promise<void> {
  if (made.kind === 'btrfs') await removeBtrfsSnapshot(made.path);
  else if (made.kind === 'file') await rm(made.path, { force: true });
  else await runSteps(lvmRemoval(made));
}
