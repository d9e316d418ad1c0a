import type { KeyObject } from 'node:crypto';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { type Failure, toFailure } from '@sealift/core';
import { type Identity, type PeerCertificate, type Ticket, targetHandshake } from '@sealift/crypto';
import { type WebSocket, WebSocketServer } from 'ws';
import { fail } from '../failures.ts';
import { FrameSocket } from './frame-socket.ts';
import { DATA_SUBPROTOCOL, DEFAULT_PATIENCE, HANDSHAKE_TIMEOUT, SOCKET_OPTIONS } from './limits.ts';
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
}

export interface LinkListener extends AsyncDisposable {
  readonly port: number;
  /** Takes no more connections and drops those that are open. */
  close(): Promise<void>;
}

/** Accepts links from other Transporters. What one connection does wrong ends that connection only. */
export async function listenForLinks(options: ListenOptions, onLink: (link: Link) => void): Promise<LinkListener> {
  const open = new Set<FrameSocket>();
  const sockets = new WebSocketServer({
    ...SOCKET_OPTIONS,
    noServer: true,
    clientTracking: false,
    handleProtocols: () => DATA_SUBPROTOCOL,
  });
  const server = createLinkServer(options.identity);
  const streams = new Set<Socket>();
  server.on('connection', (stream: Socket) => {
    streams.add(stream);
    stream.once('close', () => streams.delete(stream));
  });
  server.on('upgrade', (request: IncomingMessage, stream: Socket, head: Buffer) => {
    if (!offersSubprotocol(request)) {
      refuseUpgrade(stream);
      return;
    }
    sockets.handleUpgrade(request, stream, head, (socket: WebSocket) => {
      const frames = new FrameSocket(socket, stream, options.patience ?? DEFAULT_PATIENCE);
      open.add(frames);
      void frames.closed.then(() => open.delete(frames));
      void accept(frames, options, stream.remoteAddress ?? 'unknown', onLink);
    });
  });
  server.listen(options.port, options.host);
  await once(server, 'listening').catch((error) => Promise.reject(toFailure(error)));
  const close = () => closeServer(server, open, streams);
  return { port: (server.address() as AddressInfo).port, close, [Symbol.asyncDispose]: close };
}

function createLinkServer(identity: Identity): Server {
  return createServer(
    {
      ...tlsOptions(identity),
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

async function accept(
  frames: FrameSocket,
  options: ListenOptions,
  remoteAddress: string,
  onLink: (link: Link) => void,
): Promise<void> {
  const late = setTimeout(() => {
    frames.abort(fail('unreachable', `The handshake took more than ${HANDSHAKE_TIMEOUT / 1000} s.`));
  }, HANDSHAKE_TIMEOUT);
  try {
    const { identity, ticketKeys, useTicket } = options;
    onLink(
      new SealedLink(frames, await targetHandshake(frames.handshakeChannel(), { identity, ticketKeys, useTicket })),
    );
  } catch (thrown) {
    const failure = toFailure(thrown);
    frames.abort(failure);
    options.onRefused?.(failure, remoteAddress);
  } finally {
    clearTimeout(late);
  }
}

function offersSubprotocol(request: IncomingMessage): boolean {
  const offered = request.headers['sec-websocket-protocol'] ?? '';
  return offered.split(',').some((name) => name.trim() === DATA_SUBPROTOCOL);
}

function refuseUpgrade(stream: Socket): void {
  stream.on('error', () => stream.destroy());
  stream.end(
    `HTTP/1.1 426 Upgrade Required\r\nConnection: close\r\nContent-Length: 0\r\nSec-WebSocket-Protocol: ${DATA_SUBPROTOCOL}\r\n\r\n`,
  );
}

async function closeServer(server: Server, open: Set<FrameSocket>, streams: Set<Socket>): Promise<void> {
  if (!server.listening) return;
  const closed = once(server, 'close');
  server.close();
  const links = [...open];
  for (const frames of links) frames.abort(fail('disconnected', 'The Transporter is shutting down.'));
  await Promise.all(links.map((frames) => frames.closed));
  for (const stream of streams) stream.destroy();
  await closed;
}
