import { randomBytes } from 'node:crypto';
import { mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { fail } from '../failures.ts';

/** The largest file of our own state that is read; a larger one is not ours. */
const LARGEST_STATE_FILE = 8 * 1024 * 1024;

/** Replaces `path` as one step that survives a power cut: temporary name, fsync, rename, fsync of the folder. */
export async function writeDurably(path: string, contents: string | Buffer): Promise<void> {
  const temporary = `${path}.${randomBytes(6).toString('hex')}.tmp`;
  try {
    const file = await open(temporary, 'wx', 0o600);
    try {
      await file.writeFile(contents);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (thrown) {
    await rm(temporary, { force: true });
    throw thrown;
  }
  await syncFolder(dirname(path));
}

/** Removes `path` so that it stays removed after a power cut. Removing nothing is fine. */
export async function removeDurably(path: string): Promise<void> {
  await rm(path, { force: true });
  await syncFolder(dirname(path));
}

/** Contents of a state file, or undefined when there is none. */
export async function readIfPresent(path: string): Promise<string | undefined> {
  try {
    const { size } = await stat(path);
    if (size > LARGEST_STATE_FILE) throw fail('state-damaged', `${path} is ${size} bytes long, far more than we write`);
    return await readFile(path, 'utf8');
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw thrown;
  }
}

/** Makes a folder only its owner may enter. */
export async function makePrivateFolder(path: string): Promise<void> {
  await mkdir(path, { recursive: true, mode: 0o700 });
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
