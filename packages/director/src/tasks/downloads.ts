import type { Duplex } from 'node:stream';
import { toFailure } from '@sealift/core';
import { type ArchiveFormat, acceptRelay, type Relay } from '@sealift/wire';
import type { Context } from '../context.ts';
import type { Point } from '../db/points.ts';
import { transporterNamed } from '../db/transporters.ts';
import { fail } from '../failures.ts';
import type { Session } from '../inventory/connections.ts';
import { lookFields, readerOf, refuseAbsolute } from './looks.ts';

/** How long a Transporter may take until the first byte comes, ms. */
const PATIENCE = 60_000;

export interface WantedDownload {
  path: Buffer;
  /** In the filesystems of the disk that `path` names. */
  inside?: Buffer;
  format: ArchiveFormat;
  /** What it is sealed to. */
  publicKey: Buffer;
  /** Name or id of the Transporter that is to send it, in place of the one that made the point. */
  transporter?: string;
}

/** Has a source Transporter send a file or an archive. What comes is sealed to whoever asked, and passed on unread. */
export async function openDownload(context: Context, point: Point, wanted: WantedDownload): Promise<Duplex> {
  const { transporter, ...asked } = wanted;
  refuseAbsolute(asked.path, asked.inside);
  const session = transporter === undefined ? readerOf(context, point) : await senderNamed(context, transporter);
  const task = context.browsing.begin(session.transporter.id, point, 'download');
  const sending = session.peer.call('point.download', { ...lookFields(task), ...asked }, context.signal);
  const log = context.log.child({ point: point.id, transporter: session.transporter.name, look: task.taskId });
  const over = sending.then(
    () => log.info({ chunkKeys: task.chunksGiven }, 'download sent'),
    (thrown) => log.warn({ chunkKeys: task.chunksGiven, failure: toFailure(thrown) }, 'download ended early'),
  );
  void over.finally(() => task[Symbol.dispose]());
  const refused = sending.then(() => {
    throw fail('transporter-away', `${session.transporter.name} ended the download before it began.`);
  });
  const late = fail('transporter-away', `${session.transporter.name} did not begin to send within a minute.`);
  const timer = setTimeout(() => task.relay.reject(late), PATIENCE);
  try {
    return await Promise.race([task.relay.promise, refused]);
  } catch (thrown) {
    // From now on it gets no more tickets and keys for this.
    task[Symbol.dispose]();
    throw thrown;
  } finally {
    clearTimeout(timer);
  }
}

async function senderNamed(context: Context, name: string): Promise<Session> {
  const transporter = await transporterNamed(context.db, name);
  if (transporter.role === 'target') {
    throw fail('role-unfit', `${transporter.name} is a target; data is opened by a source.`);
  }
  return context.connections.required(transporter);
}

/** A connection over which a download comes. Only the Transporter that was asked for it may open one, once. */
export function takeRelay({ browsing, connections, log, signal }: Context, { peer, taskId, socket }: Relay): void {
  const task = browsing.of(taskId);
  if (task?.kind !== 'download' || task.transporterId !== peer.id || connections.of(peer.id) === undefined) {
    log.warn({ peer: peer.id, task: taskId }, 'relay refused: nobody waits for it');
    socket.destroy();
    return;
  }
  const close = () => socket.destroy();
  signal.addEventListener('abort', close, { once: true });
  socket.once('close', () => signal.removeEventListener('abort', close));
  socket.once('end', () => socket.end());
  acceptRelay(socket);
  task.relay.resolve(socket);
}
