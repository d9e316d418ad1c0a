import type { IncomingMessage } from 'node:http';
import type { Server } from 'node:https';
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import { type Failure, toFailure } from '@sealift/core';
import { type PeerCertificate, verifyPeerCertificate } from '@sealift/crypto';
import { WebSocketServer } from 'ws';
import { fail } from '../failures.ts';
import { CONTROL_PATH, CONTROL_SUBPROTOCOL } from './channel.ts';
import { MAX_CONTROL_FRAME } from './frame.ts';
import { type ControlHandlers, ControlPeer } from './peer.ts';

export interface AcceptControlOptions {
  /** PEM of the authority that issues the certificates of Transporters. */
  authority: string;
  /** What is answered to each peer. */
  handlers: ControlHandlers;
  /** Told of each connection that was not admitted. */
  onRefused?: (failure: Failure, address: string | undefined) => void;
}

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
  server.on('upgrade', (request, socket, head) => {
    // Until the upgrade is done nobody else listens, and a reset would end the process.
    socket.on('error', () => socket.destroy());
    try {
      const peer = admit(request, o.authority);
      sockets.handleUpgrade(request, socket, head, (ws) => onPeer(new ControlPeer(ws, peer, o.handlers)));
    } catch (thrown) {
      o.onRefused?.(toFailure(thrown), request.socket.remoteAddress);
      refuse(socket);
    }
  });
}

function admit(request: IncomingMessage, authority: string): PeerCertificate {
  if (request.url !== CONTROL_PATH) throw fail('protocol-violation', 'The control channel is not at that path.');
  const offered = request.headers['sec-websocket-protocol'];
  if (offered !== CONTROL_SUBPROTOCOL) {
    throw fail(
      'version-mismatch',
      `The peer speaks ${offered ?? 'no control protocol'}; this is ${CONTROL_SUBPROTOCOL}.`,
    );
  }
  const { raw } = (request.socket as TLSSocket).getPeerCertificate();
  if (raw === undefined) throw fail('certificate-refused', 'The peer showed no certificate.');
  return verifyPeerCertificate(raw, authority, new Date());
}

function refuse(socket: Duplex): void {
  socket.end('HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
}
