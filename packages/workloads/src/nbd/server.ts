import { chmodSync, lstatSync, unlinkSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { createServer as createTlsServer, type SecureContextOptions } from 'node:tls';
import { ByteCredit, toFailure } from '@sealift/core';
import { fail } from '../failures.ts';
import type { NbdAddress } from './address.ts';
import type { ReadableDisk } from './disk.ts';
import { ServerHandshake, type StartTls } from './server-handshake.ts';
import { ServerSession } from './server-session.ts';

export interface NbdServerOptions {
  disks: ReadableDisk[];
  /** A socket at a path is for its owner alone; port 0 takes a free one. */
  listen: NbdAddress;
  /** Clients must use TLS and show a certificate of `ca`. */
  tls?: SecureContextOptions;
  /** Told of disks that could not be read and clients that broke the protocol. */
  onFailure?: (thrown: unknown) => void;
}

const MOST_CLIENTS = 64;
/** Answers held in memory, over all clients. */
const ANSWER_BYTES = 64 * 1024 * 1024;
const HANDSHAKE_MS = 10_000;

/** Disks to read over NBD, until it is disposed of. */
export class NbdServer implements AsyncDisposable {
  readonly address: NbdAddress;
  readonly #server: Server;
  readonly #clients: Clients;

  private constructor(server: Server, address: NbdAddress, clients: Clients) {
    this.#server = server;
    this.address = address;
    this.#clients = clients;
  }

  /** @throws Failure `port-in-use`, `permission-denied`, … where it cannot listen */
  static async listen(options: NbdServerOptions): Promise<NbdServer> {
    const clients = new Clients(options);
    const server = createServer((socket) => clients.serve(socket));
    server.maxConnections = MOST_CLIENTS;
    await listenAt(server, options.listen);
    if ('path' in options.listen) {
      chmodSync(options.listen.path, 0o600);
      return new NbdServer(server, options.listen, clients);
    }
    const { port } = server.address() as AddressInfo;
    return new NbdServer(server, { ...options.listen, port }, clients);
  }

  /** Clients served now. */
  get clients(): number {
    return this.#clients.count;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    await this.#clients.end();
    await closed;
  }
}

class Clients {
  readonly #options: NbdServerOptions;
  readonly #credit = new ByteCredit(ANSWER_BYTES);
  readonly #serving = new Map<Socket, Promise<void>>();
  readonly #ending = new AbortController();

  constructor(options: NbdServerOptions) {
    this.#options = options;
  }

  get count(): number {
    return this.#serving.size;
  }

  serve(socket: Socket): void {
    socket.on('error', () => {});
    const serving = this.#serve(socket)
      .catch((thrown) => {
        if (toFailure(thrown).code !== 'nbd-closed') this.#options.onFailure?.(thrown);
      })
      .finally(() => {
        this.#serving.delete(socket);
        // What was said last is still sent; a client that does not take it is not waited for.
        socket.end();
        socket.setTimeout(1000, () => socket.destroy());
        socket.resume();
      });
    this.#serving.set(socket, serving);
  }

  async end(): Promise<void> {
    this.#ending.abort(fail('nbd-closed', 'The NBD server ends.'));
    for (const socket of this.#serving.keys()) socket.destroy();
    await Promise.all(this.#serving.values());
  }

  async #serve(socket: Socket): Promise<void> {
    socket.setNoDelay(true);
    const late = setTimeout(() => socket.destroy(), HANDSHAKE_MS);
    const { disks, tls, onFailure } = this.#options;
    const agreed = await new ServerHandshake(socket, disks, tls && startTls(tls))
      .run()
      .finally(() => clearTimeout(late));
    if (agreed === undefined) return;
    const session = new ServerSession(agreed, this.#credit, (thrown) => onFailure?.(thrown));
    await session.run(this.#ending.signal).finally(() => {
      if (agreed.socket !== socket) agreed.socket.end();
    });
  }
}

/** A server of its own for each client: what comes out of it can only be that client. */
function startTls(options: SecureContextOptions): StartTls {
  return (socket) =>
    new Promise<Duplex>((resolve, reject) => {
      const server = createTlsServer({
        ...options,
        requestCert: true,
        rejectUnauthorized: true,
        minVersion: 'TLSv1.3',
      });
      server.once('secureConnection', (secure) => {
        secure.on('error', () => {});
        resolve(secure);
      });
      server.once('tlsClientError', (cause) => {
        socket.destroy();
        reject(fail('nbd-violation', `An NBD client was refused in the TLS handshake: ${cause.message}`, { cause }));
      });
      socket.once('close', () => reject(fail('nbd-closed', 'The NBD client has gone.')));
      server.emit('connection', socket);
    });
}

async function listenAt(server: Server, address: NbdAddress): Promise<void> {
  try {
    await listening(server, address);
  } catch (thrown) {
    const inUse = (thrown as NodeJS.ErrnoException).code === 'EADDRINUSE';
    if (!inUse || !('path' in address) || (await answers(address.path))) throw toFailure(thrown);
    // Left behind by a process that was killed.
    unlinkSync(address.path);
    await listening(server, address);
  }
}

function listening(server: Server, address: NbdAddress): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(address, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

/** Whether what is at a path is a socket with somebody behind it, or anything but a socket. */
async function answers(path: string): Promise<boolean> {
  if (!lstatSync(path).isSocket()) return true;
  return new Promise((resolve) => {
    const socket = connect({ path });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code !== 'ECONNREFUSED'));
  });
}
