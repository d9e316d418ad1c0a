import { chmod, readdir, rm } from 'node:fs/promises';

/** Removes a restored tree, whose folders may have come back without the permission to change them. */
export async function removeTree(path: string): Promise<void> {
  try {
    await rm(path, { recursive: true, force: true });
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code !== 'EACCES' && code !== 'EPERM') throw cause;
    await unlock(Buffer.from(path));
    await rm(path, { recursive: true, force: true });
  }
}

async function unlock(folder: Buffer): Promise<void> {
  await chmod(folder, 0o700);
  for (const entry of await readdir(folder, { withFileTypes: true, encoding: 'buffer' })) {
    if (entry.isDirectory()) await unlock(Buffer.concat([folder, Buffer.from('/'), entry.name]));
  }
}
