import { randomUUID } from 'node:crypto';
import { open, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { toFailure } from '@sealift/core';
import { fail } from '../failures.ts';

const OTHERS = 0o077;
const LONGEST = 64 * 1024;

/** The text of a file, or undefined when there is none. A private one must not be readable by others. */
export async function readIfThere(path: string, privacy: 'private' | 'public'): Promise<string | undefined> {
  try {
    await using file = await open(path, 'r');
    const { mode } = await file.stat();
    if (privacy === 'private' && (mode & OTHERS) !== 0) {
      throw fail('key-exposed', `${path} has mode 0${(mode & 0o777).toString(8)}: others than its owner may read it.`);
    }
    const { buffer, bytesRead } = await file.read(Buffer.alloc(LONGEST), 0, LONGEST, 0);
    return buffer.toString('utf8', 0, bytesRead);
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw toFailure(thrown);
  }
}

/** Writes a file whole or not at all, and durably. */
export async function writeDurably(path: string, text: string, privacy: 'private' | 'public'): Promise<void> {
  const aside = `${path}.${randomUUID()}`;
  {
    await using file = await open(aside, 'wx', privacy === 'private' ? 0o600 : 0o644);
    await file.writeFile(text);
    await file.sync();
  }
  await rename(aside, path);
  await using folder = await open(dirname(path), 'r');
  await folder.sync();
}
