import type { IncomingMessage } from 'node:http';
import type { PeerCertificate as TlsCertificate } from 'node:tls';
import { type Failure, toFailure } from '@sealift/core';
import { certificateDer, type Identity, sourceHandshake, verifyPeerCertificate } from '@sealift/crypto';
import { WebSocket } from 'ws';
import { fail } from '../failures.ts';
import { failureOfDial, failureOfStatus } from './dial-failure.ts';
import { FrameSocket } from './frame-socket.ts';
import { DATA_SUBPROTOCOL, DEFAULT_PATIENCE, HANDSHAKE_TIMEOUT, SOCKET_OPTIONS } from './limits.ts';
import type { Link } from './link.ts';
import { SealedLink } from './sealed-link.ts';
import { tlsOptions } from './tls.ts';

export interface ConnectOptions {
  /** `wss://host:port` */
  url: string;
  identity: Identity;
  /** As signed by the Director, good for one connection. */
  ticket: Buffer;
  /** UUID of the Transporter that must answer. */
  expectPeer?: string;
  /** Talks only to a target with post-quantum key exchange. */
  postQuantumOnly?: boolean;
  /** A peer that is silent for this long is gone, ms; 15 s unless told. */
  patience?: number;
}

/**
 * Dials a Transporter and proves both identities. `signal` gives up the attempt; it does not concern the link made.
 * The target takes the ticket after the last message of the handshake, so a ticket that it does not take (used before,
 * revoked) fails the link that this resolves to, before its first message.
 */
export async function connectLink(options: ConnectOptions, signal: AbortSignal): Promise<Link> {
  signal.throwIfAborted();
  if (URL.parse(options.url)?.protocol !== 'wss:') {
    throw fail('address-invalid', `"${options.url}" is not the address of a Transporter.`);
  }
  const { certificate, authority } = options.identity;
  // A target drops a connection with a bad certificate without saying why, so our own is looked at before dialling.
  verifyPeerCertificate(certificateDer(certificate), authority, new Date());
  const deadline = AbortSignal.any([signal, AbortSignal.timeout(HANDSHAKE_TIMEOUT)]);
  const late = () =>
    fail('unreachable', `${options.url} did not complete the handshake within ${HANDSHAKE_TIMEOUT / 1000} s.`);
  try {
    const frames = await dial(options, deadline, late);
    return await handshake(frames, options, deadline, late);
  } catch (thrown) {
    signal.throwIfAborted();
    throw toFailure(thrown);
  }
}

async function handshake(
  frames: FrameSocket,
  options: ConnectOptions,
  deadline: AbortSignal,
  late: () => Failure,
): Promise<Link> {
  const giveUp = () => frames.abort(late());
  deadline.addEventListener('abort', giveUp, { once: true });
  try {
    const { identity, ticket } = options;
    const keys = await sourceHandshake(frames.handshakeChannel(), { identity, ticket });
    if (deadline.aborted) throw late();
    checkPeer(options, keys.peer.id);
    return new SealedLink(frames, keys);
  } catch (thrown) {
    frames.abort(toFailure(thrown));
    throw thrown;
  } finally {
    deadline.removeEventListener('abort', giveUp);
  }
}

/** Connects up to and including the WebSocket upgrade. */
function dial(options: ConnectOptions, deadline: AbortSignal, late: () => Failure): Promise<FrameSocket> {
  const { url } = options;
  const { promise, resolve, reject } = Promise.withResolvers<FrameSocket>();
  const socket = new WebSocket(url, DATA_SUBPROTOCOL, {
    ...SOCKET_OPTIONS,
    ...tlsOptions(options.identity, options.postQuantumOnly),
    // The mask protects proxies that do not understand WebSocket from a browser's script; within TLS it only costs.
    generateMask: (mask) => mask.fill(0),
    // Node wants an Error or undefined; the type that comes with `ws` says boolean.
    checkServerIdentity: ((_host: string, certificate: TlsCertificate) => checkServer(options, certificate)) as never,
  });
  const giveUp = () => {
    reject(late());
    socket.terminate();
  };
  deadline.addEventListener('abort', giveUp, { once: true });
  socket.on('error', (error) => reject(failureOfDial(url, error)));
  socket.once('unexpected-response', (request, response: IncomingMessage) => {
    reject(failureOfStatus(url, response.statusCode ?? 0));
    request.destroy();
  });
  socket.once('upgrade', (response: IncomingMessage) => {
    socket.once('open', () => {
      deadline.removeEventListener('abort', giveUp);
      resolve(new FrameSocket(socket, response.socket, options.patience ?? DEFAULT_PATIENCE));
    });
  });
  return promise.finally(() => deadline.removeEventListener('abort', giveUp));
}

/** Certificates name Transporters, not hosts. TLS has checked the chain by now. */
function checkServer(options: ConnectOptions, certificate: TlsCertificate): Error | undefined {
  try {
    const peer = verifyPeerCertificate(certificate.raw, options.identity.authority, new Date());
    checkPeer(options, peer.id);
    return undefined;
  } catch (thrown) {
    return toFailure(thrown);
  }
}

function checkPeer(options: ConnectOptions, id: string): void {
  if (options.expectPeer === undefined || options.expectPeer === id) return;
  throw fail('wrong-peer', `Transporter ${id} answers at ${options.url}, not ${options.expectPeer}.`);
}
