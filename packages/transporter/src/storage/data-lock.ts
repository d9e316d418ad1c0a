import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { realpath } from 'node:fs/promises';
import { createServer } from 'node:net';
import { fail } from '../failures.ts';

/**
 * Keeps a second process off a data directory for as long as this one lives. The lock is an abstract socket of Linux
 * (unix(7)): the kernel lets go of it with the process, however that ends, so that it cannot be left behind.
 */
export async function lockData(folder: string): Promise<AsyncDisposable> {
  const name = createHash('sha256')
    .update(await realpath(folder))
    .digest('hex');
  const lock = createServer((socket) => socket.destroy());
  lock.listen(`\0sealift-transporter-${name}`);
  try {
    await once(lock, 'listening');
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw thrown;
    throw fail('data-in-use', `Another Transporter runs with the data directory ${folder}`);
  }
  lock.unref();
  return {
    [Symbol.asyncDispose]: async () => {
      lock.close();
      await once(lock, 'close');
    },
  };
}
