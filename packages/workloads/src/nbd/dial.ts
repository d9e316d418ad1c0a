import { connect, type Socket } from 'node:net';
import { fail } from '../failures.ts';
import { type NbdAddress, nbdUri } from './address.ts';

export function silence(): Error {
  return fail('nbd-closed', 'The NBD server does not answer.');
}

/** @throws Failure `nbd-unreachable` */
export async function dial(address: NbdAddress, patience: number, signal: AbortSignal | undefined): Promise<Socket> {
  const socket = connect(address);
  socket.setTimeout(patience);
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const stop = () => reject(signal?.reason);
  socket.once('connect', resolve);
  socket.once('timeout', () => reject(silence()));
  // The socket goes on telling errors after it is connected; whoever reads from it learns of them.
  socket.on('error', reject);
  signal?.addEventListener('abort', stop, { once: true });
  try {
    await promise;
    return socket;
  } catch (cause) {
    socket.destroy();
    signal?.throwIfAborted();
    throw fail('nbd-unreachable', `${nbdUri(address)}: ${(cause as Error).message}`, { cause });
  } finally {
    signal?.removeEventListener('abort', stop);
  }
}
