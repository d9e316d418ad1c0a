import type { KeyObject } from 'node:crypto';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { type Failure, toFailure } from '@sealift/core';
import { type Identity, type PeerCertificate, parseCertificate, type Ticket, targetHandshake } from '@sealift/crypto';
import { type WebSocket, WebSocketServer } from 'ws';
import { type ConnectionLimits, ConnectionSlots, type Slot } from '../connection-slots.ts';
import { keyExchangeRefused, troubleOf } from '../dial-trouble.ts';
import { fail } from '../failures.ts';
import { FrameSocket } from './frame-socket.ts';
import {
  DATA_SUBPROTOCOL,
  DEFAULT_LINKS,
  DEFAULT_PATIENCE,
  HANDSHAKE_TIMEOUT,
  MAX_EARLY_CONNECTIONS,
  SOCKET_OPTIONS,
} from './limits.ts';
import type { Link } from './link.ts';
import { SealedLink } from './sealed-link.ts';
import { tlsOptions } from './tls.ts';

export interface ListenOptions {
  host: string;
  /** 0 for any free one. */
  port: number;
  identity: Identity;
  /** The Director's current ticket keys. */
  ticketKeys: () => KeyObject[];
  /** Throws when the ticket was used before, or its holder is revoked. */
  useTicket: (ticket: Ticket, peer: PeerCertificate) => void;
  /** Told about connections that did not become links, for the log. */
  onRefused?: (failure: Failure, remoteAddress: string) => void;
  /** A peer that is silent for this long is gone, ms; 15 s unless told. */
  patience?: number;
  /** Links at once, handshakes included; 256, and 32 of one peer, unless told. */
  limits?: ConnectionLimits;
  /** Takes only sources with post-quantum key exchange. */
  postQuantumOnly?: boolean;
}

export interface LinkListener extends AsyncDisposable {
  readonly port: number;
  /**
   * Shows this certificate on connections from now on. Those that are open go on, and tickets that name the key of the
   * one before stay good until their time is over.
   */
  present(identity: Identity): void;
  /** Takes no more connections and drops those that are open. */
  close(): Promise<void>;
}

/** Accepts links from other Transporters. What one connection does wrong ends that connection only. */
export async function listenForLinks(options: ListenOptions, onLink: (link: Link) => void): Promise<LinkListener> {
  const door = new Door(options, onLink);
  await door.open();
  const close = () => door.close();
  return {
    port: door.port,
    present: (identity) => door.present(identity),
    close,
    [Symbol.asyncDispose]: close,
  };
}

class Door {
  readonly #options: ListenOptions;
  readonly #onLink: (link: Link) => void;
  readonly #server: Server;
  readonly #slots: ConnectionSlots;
  readonly #streams = new Set<Socket>();
  readonly #open = new Set<FrameSocket>();
  readonly #sockets = new WebSocketServer({
    ...SOCKET_OPTIONS,
    noServer: true,
    clientTracking: false,
    handleProtocols: () => DATA_SUBPROTOCOL,
  });
  #identity: Identity;
  #earlier: Identity | undefined;

  constructor(options: ListenOptions, onLink: (link: Link) => void) {
    this.#options = options;
    this.#onLink = onLink;
    this.#identity = options.identity;
    const limits = options.limits ?? DEFAULT_LINKS;
    this.#slots = new ConnectionSlots(limits);
    this.#server = createLinkServer(options);
    this.#server.maxConnections = limits.all + MAX_EARLY_CONNECTIONS;
    this.#server.on('connection', (stream: Socket) => {
      this.#streams.add(stream);
      stream.once('close', () => this.#streams.delete(stream));
    });
    this.#server.on('tlsClientError', (error, stream) => this.#tlsFailed(error, stream));
    this.#server.on('upgrade', (request: IncomingMessage, stream: TLSSocket, head: Buffer) => {
      this.#upgrade(request, stream, head);
    });
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async open(): Promise<void> {
    this.#server.listen(this.#options.port, this.#options.host);
    await once(this.#server, 'listening').catch((error) => Promise.reject(toFailure(error)));
  }

  present(identity: Identity): void {
    this.#earlier = this.#identity;
    this.#identity = identity;
    this.#server.setSecureContext(tlsOptions(identity, this.#options.postQuantumOnly));
  }

  async close(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = once(this.#server, 'close');
    this.#server.close();
    const links = [...this.#open];
    for (const frames of links) frames.abort(fail('disconnected', 'The Transporter is shutting down.'));
    await Promise.all(links.map((frames) => frames.closed));
    for (const stream of this.#streams) stream.destroy();
    await closed;
  }

  /** Of all that scans a port, only who could have been a source is worth a word. */
  #tlsFailed(error: Error, stream: TLSSocket): void {
    if (troubleOf(error) !== 'key-exchange') return;
    const address = stream.remoteAddress ?? 'unknown';
    this.#options.onRefused?.(keyExchangeRefused(address, error), address);
  }

  #upgrade(request: IncomingMessage, stream: TLSSocket, head: Buffer): void {
    // Until the upgrade is done nobody else listens, and a reset would end the process.
    stream.on('error', () => stream.destroy());
    if (!offersSubprotocol(request)) {
      refuseUpgrade(stream, `426 Upgrade Required\r\nSec-WebSocket-Protocol: ${DATA_SUBPROTOCOL}`);
      return;
    }
    const slot = this.#takeSlot(stream);
    if (slot === undefined) return;
    stream.once('close', () => slot.free());
    this.#sockets.handleUpgrade(request, stream, head, (socket: WebSocket) => {
      const frames = new FrameSocket(socket, stream, this.#options.patience ?? DEFAULT_PATIENCE);
      this.#open.add(frames);
      void frames.closed.then(() => this.#open.delete(frames));
      void this.#accept(frames, slot, stream.remoteAddress ?? 'unknown');
    });
  }

  /** Before anything is spent on the peer, and while it can still be told to come back later. */
  #takeSlot(stream: TLSSocket): Slot | undefined {
    try {
      return this.#slots.take(parseCertificate(stream.getPeerCertificate().raw).id);
    } catch (thrown) {
      const failure = toFailure(thrown);
      const busy = failure.code === 'too-many-connections';
      refuseUpgrade(stream, busy ? '503 Service Unavailable\r\nRetry-After: 5' : '403 Forbidden');
      this.#options.onRefused?.(failure, stream.remoteAddress ?? 'unknown');
      return undefined;
    }
  }

  async #accept(frames: FrameSocket, slot: Slot, remoteAddress: string): Promise<void> {
    const late = setTimeout(() => {
      frames.abort(fail('unreachable', `The handshake took more than ${HANDSHAKE_TIMEOUT / 1000} s.`));
    }, HANDSHAKE_TIMEOUT);
    const { ticketKeys, useTicket, onRefused } = this.#options;
    try {
      const keys = await targetHandshake(frames.handshakeChannel(), {
        identity: this.#identity,
        earlier: this.#earlier,
        ticketKeys,
        useTicket: (ticket, peer) => {
          // Whoever ends TLS in between is not who the link is for.
          slot.moveTo(peer.id);
          useTicket(ticket, peer);
        },
      });
      this.#onLink(new SealedLink(frames, keys));
    } catch (thrown) {
      const failure = toFailure(thrown);
      frames.abort(failure);
      onRefused?.(failure, remoteAddress);
    } finally {
      clearTimeout(late);
    }
  }
}

function createLinkServer({ identity, postQuantumOnly }: ListenOptions): Server {
  return createServer(
    {
      ...tlsOptions(identity, postQuantumOnly),
      requestCert: true,
      handshakeTimeout: HANDSHAKE_TIMEOUT,
      headersTimeout: HANDSHAKE_TIMEOUT,
      requestTimeout: HANDSHAKE_TIMEOUT,
      connectionsCheckingInterval: HANDSHAKE_TIMEOUT / 2,
      maxHeaderSize: 8192,
    },
    (_request, response) => {
      response.writeHead(426, { connection: 'close', 'sec-websocket-protocol': DATA_SUBPROTOCOL }).end();
    },
  );
}

function offersSubprotocol(request: IncomingMessage): boolean {
  const offered = request.headers['sec-websocket-protocol'] ?? '';
  return offered.split(',').some((name) => name.trim() === DATA_SUBPROTOCOL);
}

/** `status` may be followed by more headers. */
function refuseUpgrade(stream: Socket, status: string): void {
  stream.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
}
