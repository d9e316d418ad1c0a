import { once } from 'node:events';
import type { ClientRequest, IncomingMessage } from 'node:http';
import { request } from 'node:https';
import type { Duplex } from 'node:stream';
import type { Identity } from '@sealift/crypto';
import { fail } from '../failures.ts';
import { dialFailure, directorTls, statusFailure } from './connect.ts';

/** Under this path, with the UUID of a task behind it. */
export const RELAY_PATH = '/relay/v1/';
export const RELAY_PROTOCOL = 'sealift-relay.1';

/** How long the Director may take to switch to the relay, ms. */
const PATIENCE = 10_000;
const TASK = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

export interface RelayOptions {
  /** `wss://host:port` of the Director's control listener. */
  url: string;
  identity: Identity;
  taskId: string;
  /** Talks only to a Director with post-quantum key exchange. */
  postQuantumOnly?: boolean;
}

/**
 * Opens a connection of its own to the Director, whose bytes it passes on, unread, to whoever waits for this task. It is
 * over when either side closes it.
 */
export async function openRelay(
  { url, identity, taskId, postQuantumOnly }: RelayOptions,
  signal: AbortSignal,
): Promise<Duplex> {
  const address = new URL(`${RELAY_PATH}${taskId}`, url);
  address.protocol = 'https:';
  const dialled = request(address, {
    ...directorTls(identity, postQuantumOnly),
    agent: false,
    signal,
    headers: { connection: 'Upgrade', upgrade: RELAY_PROTOCOL },
  });
  dialled.setTimeout(PATIENCE, () => dialled.destroy(new Error(`no answer within ${PATIENCE / 1000} s`)));
  dialled.end();
  return await upgraded(dialled, url, signal);
}

async function upgraded(dialled: ClientRequest, url: string, signal: AbortSignal): Promise<Duplex> {
  const refused = once(dialled, 'response').then(([response]: IncomingMessage[]) => {
    dialled.destroy();
    throw statusFailure(url, response?.statusCode ?? 0);
  });
  refused.catch(() => {});
  try {
    const [, socket] = (await Promise.race([once(dialled, 'upgrade'), refused])) as [IncomingMessage, Duplex, Buffer];
    dialled.setTimeout(0);
    return socket;
  } catch (thrown) {
    signal.throwIfAborted();
    throw dialFailure(url, thrown as Error);
  }
}

/** The task that a request is the relay of. @throws Failure when it is not such a request */
export function relayedTask({ url = '', headers }: Pick<IncomingMessage, 'url' | 'headers'>): string {
  if (headers.upgrade !== RELAY_PROTOCOL) throw fail('version-mismatch', `This is no ${RELAY_PROTOCOL}.`);
  const task = url.slice(RELAY_PATH.length);
  if (!TASK.test(task)) throw fail('protocol-violation', 'A relay names no task.');
  return task;
}

/** Accepts a relay: from here on the socket carries nothing but what is relayed. */
export function acceptRelay(socket: Duplex): void {
  socket.write(`HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${RELAY_PROTOCOL}\r\n\r\n`);
}
