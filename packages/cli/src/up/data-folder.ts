import { createHash, randomBytes } from 'node:crypto';
import { chmod, mkdir, readdir, readFile, realpath, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { toFailure } from '@sealift/core';
import { fail } from '../failures.ts';
import { removeTree } from './remove-tree.ts';

/** Where `up` keeps everything, below its data directory. */
export interface UpFolder extends Disposable {
  /** Real path: no symbolic links in it. */
  root: string;
  director: string;
  source: string;
  target: string;
  repository: string;
  logs: string;
  /** Makes an empty folder for one restore. */
  restoreFolder(): Promise<string>;
}

const RESTORED = 'restored-';

/** Makes the data directory where it is missing and holds it until disposed of: one `up` at a time uses it. */
export async function openUpFolder(path: string): Promise<UpFolder> {
  await mkdir(path, { recursive: true, mode: 0o700 }).catch((cause) => {
    if (cause.code === 'EEXIST') throw fail('data-unusable', `${path} is not a folder`);
    throw toFailure(cause);
  });
  const root = await realpath(path);
  const lock = await holdName(root);
  const folder = (name: string) => join(root, name);
  await mkdir(folder('logs'), { recursive: true, mode: 0o700 });
  await removeOldRestores(root);
  return {
    root,
    director: folder('director'),
    source: folder('source'),
    target: folder('target'),
    repository: folder('repository'),
    logs: folder('logs'),
    restoreFolder: async () => {
      const place = folder(`${RESTORED}${randomBytes(6).toString('hex')}`);
      await mkdir(place, { mode: 0o700 });
      return place;
    },
    [Symbol.dispose]: () => void lock.close(),
  };
}

/**
 * A socket name in Linux's abstract namespace serves as the lock: the kernel drops it with the process, so a killed
 * `up` leaves nothing stale behind.
 */
async function holdName(root: string): Promise<Server> {
  const name = createHash('sha256').update(root).digest('hex');
  const server = createServer((socket) => socket.destroy());
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject);
  server.listen(`\0sealift-up-${name}`, resolve);
  await promise.catch((cause) => {
    if (cause.code === 'EADDRINUSE') throw fail('data-in-use', `another \`sealift up\` is using ${root}`);
    throw toFailure(cause);
  });
  server.unref();
  return server;
}

/** What an `up` that was killed in the middle of a comparison left behind. */
async function removeOldRestores(root: string): Promise<void> {
  const names = await readdir(root);
  const old = names.filter((name) => name.startsWith(RESTORED));
  for (const name of old) await removeTree(join(root, name));
}

/** The encryption password of this data directory: made on first use, in a file only its owner can read. */
export async function encryptionPassword(
  folder: UpFolder,
): Promise<{ password: string; file: string; fresh: boolean }> {
  const file = join(folder.root, 'encryption-password');
  const fresh = await writeNew(file, `${randomBytes(24).toString('base64url')}\n`);
  await chmod(file, 0o600);
  const password = (await readFile(file, 'utf8')).trim();
  if (password === '') throw fail('data-unusable', `${file} is empty, but earlier backups may need what was in it`);
  return { password, file, fresh };
}

/** False when the file is there already. */
async function writeNew(file: string, content: string): Promise<boolean> {
  try {
    await writeFile(file, content, { mode: 0o600, flag: 'wx' });
    return true;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw cause;
  }
}
