import { lstat, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fail } from '../failures.ts';

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
const OTHERS_WRITE = 0o022;

/**
 * The program of this name in the folder of hooks. A Director only chooses among what the administrator of this machine has
 * put there; what somebody else could have put there or can change is not run.
 *
 * @throws Failure `hook-unfit`
 */
export async function findHook(folder: string, name: string): Promise<string> {
  if (!NAME.test(name)) throw fail('hook-unfit', `'${name}' is no name of a hook.`);
  const path = join(folder, name);
  for (const place of [dirname(path), path]) await refuseForeign(place);
  const found = await lstat(path);
  if (!found.isFile()) throw fail('hook-unfit', `The hook ${path} is not a file.`);
  if ((found.mode & 0o100) === 0) throw fail('hook-unfit', `The hook ${path} is not executable.`);
  return path;
}

async function refuseForeign(path: string): Promise<void> {
  const found = await stat(path).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT') throw fail('hook-unfit', `There is no ${path} on this machine.`, { cause });
    throw cause;
  });
  const owners = new Set([0, process.geteuid?.()]);
  if (owners.has(found.uid) && (found.mode & OTHERS_WRITE) === 0) return;
  throw fail('hook-unfit', `${path} can be changed by others than root and the user of the Transporter.`);
}
