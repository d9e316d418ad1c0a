import type { IncomingMessage } from 'node:http';
import type { Server } from 'node:https';
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import { type Failure, toFailure } from '@sealift/core';
import { type PeerCertificate, verifyPeerCertificate } from '@sealift/crypto';
import { WebSocketServer } from 'ws';
import { type ConnectionLimits, ConnectionSlots } from '../connection-slots.ts';
import { keyExchangeRefused, troubleOf } from '../dial-trouble.ts';
import { fail } from '../failures.ts';
import { CONTROL_PATH, CONTROL_SUBPROTOCOL } from './channel.ts';
import { MAX_CONTROL_FRAME } from './frame.ts';
import { type ControlHandlers, ControlPeer } from './peer.ts';
import { RELAY_PATH, relayedTask } from './relay.ts';

/** A connection of a Transporter whose bytes are passed on. */
export interface Relay {
  peer: PeerCertificate;
  taskId: string;
  /** To be accepted with `acceptRelay`, or destroyed. */
  socket: Duplex;
}

export interface AcceptControlOptions {
  /** PEM of the authority that issues the certificates of Transporters. */
  authority: string;
  /** What is answered to each peer. */
  handlers: ControlHandlers;
  /** Told of each connection that was not admitted. */
  onRefused?: (failure: Failure, address: string | undefined) => void;
  /** Takes what a peer sends to be passed on to whoever waits for a task; refused without. */
  onRelay?: (relay: Relay) => void;
  /** Connections at once; 4096, and 8 of one peer, unless told. */
  limits?: ConnectionLimits;
  /** A peer that is silent for this long is gone, ms; 15 s unless told. */
  patience?: number;
}

/** A peer needs one; more are the remains of networks that broke, until their silence is noticed. */
const DEFAULT_LIMITS = { all: 4096, perPeer: 8 } as const;
/** Beside those: TCP connections that have not come as far as the upgrade. */
const MAX_EARLY_CONNECTIONS = 256;

/**
 * Serves control connections on an HTTPS server made with `requestCert`. The certificate of each peer is checked here
 * again, so that a server set up carelessly admits nobody.
 */
export function acceptControl(server: Server, o: AcceptControlOptions, onPeer: (peer: ControlPeer) => void): void {
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: MAX_CONTROL_FRAME,
    perMessageDeflate: false,
    clientTracking: false,
    handleProtocols: () => CONTROL_SUBPROTOCOL,
  });
  const limits = o.limits ?? DEFAULT_LIMITS;
  const slots = new ConnectionSlots(limits);
  server.maxConnections = limits.all + MAX_EARLY_CONNECTIONS;
  server.on('tlsClientError', (error, { remoteAddress }) => {
    if (troubleOf(error) !== 'key-exchange') return;
    o.onRefused?.(keyExchangeRefused(remoteAddress ?? 'the peer', error), remoteAddress);
  });
  server.on('upgrade', (request, socket, head) => {
    // Until the upgrade is done nobody else listens, and a reset would end the process.
    socket.on('error', () => socket.destroy());
    try {
      const peer = admit(request, o.authority);
      const taskId = request.url === CONTROL_PATH ? undefined : relayedTask(request);
      if (taskId !== undefined && o.onRelay === undefined) throw fail('protocol-violation', 'Nothing is relayed here.');
      const slot = slots.take(peer.id);
      socket.once('close', () => slot.free());
      if (taskId === undefined)
        sockets.handleUpgrade(request, socket, head, (ws) => onPeer(new ControlPeer(ws, peer, o.handlers, o.patience)));
      else o.onRelay?.({ peer, taskId, socket });
    } catch (thrown) {
      const failure = toFailure(thrown);
      o.onRefused?.(failure, request.socket.remoteAddress);
      refuse(socket, failure.code === 'too-many-connections' ? '503 Service Unavailable' : '403 Forbidden');
    }
  });
}

function admit(request: IncomingMessage, authority: string): PeerCertificate {
  const { url, headers } = request;
  if (url !== CONTROL_PATH && url?.startsWith(RELAY_PATH) !== true) {
    throw fail('protocol-violation', 'The control channel is not at that path.');
  }
  const offered = headers['sec-websocket-protocol'];
  if (url === CONTROL_PATH && offered !== CONTROL_SUBPROTOCOL) {
    throw fail(
      'version-mismatch',
      `The peer speaks ${offered ?? 'no control protocol'}; this is ${CONTROL_SUBPROTOCOL}.`,
    );
  }
  const { raw } = (request.socket as TLSSocket).getPeerCertificate();
  if (raw === undefined) throw fail('certificate-refused', 'The peer showed no certificate.');
  return verifyPeerCertificate(raw, authority, new Date());
}

function refuse(socket: Duplex, status: string): void {
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
}
