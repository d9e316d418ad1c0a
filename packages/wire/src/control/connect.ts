import type { IncomingMessage } from 'node:http';
import type { PeerCertificate, TLSSocket } from 'node:tls';
import { Failure, toFailure } from '@sealift/core';
import { type Identity, parseCertificate, verifyPeerCertificate } from '@sealift/crypto';
import { WebSocket } from 'ws';
import { keyExchangeRefused, troubleOf } from '../dial-trouble.ts';
import { fail } from '../failures.ts';
import { tlsRules } from '../tls.ts';
import { CONTROL_PATH, CONTROL_SUBPROTOCOL, DIRECTOR_ROLE } from './channel.ts';
import { MAX_CONTROL_FRAME } from './frame.ts';
import { type ControlHandlers, ControlPeer } from './peer.ts';

const HANDSHAKE_TIMEOUT = 10_000;

export interface ConnectControlOptions {
  /** `wss://host:port` of the Director's control listener. */
  url: string;
  identity: Identity;
  handlers: ControlHandlers;
  /** Talks only to a Director with post-quantum key exchange. */
  postQuantumOnly?: boolean;
  /** A Director that is silent for this long is gone, ms; 15 s unless told. */
  patience?: number;
}

/** Dials a Director; resolves once both sides have accepted each other. */
export function connectControl(o: ConnectControlOptions, signal: AbortSignal): Promise<ControlPeer> {
  signal.throwIfAborted();
  const { url, handlers, patience } = o;
  const { promise, resolve, reject } = Promise.withResolvers<ControlPeer>();
  const socket = dial(o);
  const onAbort = () => {
    reject(signal.reason);
    socket.terminate();
  };
  signal.addEventListener('abort', onAbort, { once: true });
  socket.on('error', (error) => reject(dialFailure(url, error)));
  socket.once('unexpected-response', (request, response: IncomingMessage) => {
    reject(statusFailure(url, response.statusCode ?? 0));
    request.destroy();
  });
  socket.once('upgrade', (response) => {
    // The peer must listen before the first frame can arrive, so it is made here and handed out at `open`.
    const peer = new ControlPeer(socket, parseCertificate(shownCertificate(response)), handlers, patience);
    socket.once('open', () => resolve(peer));
  });
  return promise.finally(() => signal.removeEventListener('abort', onAbort));
}

function dial({ url, identity, postQuantumOnly }: ConnectControlOptions): WebSocket {
  return new WebSocket(new URL(CONTROL_PATH, url), CONTROL_SUBPROTOCOL, {
    ...directorTls(identity, postQuantumOnly),
    handshakeTimeout: HANDSHAKE_TIMEOUT,
    maxPayload: MAX_CONTROL_FRAME,
    perMessageDeflate: false,
  });
}

/** How a Transporter speaks TLS with its Director, and knows it. */
export function directorTls(identity: Identity, postQuantumOnly?: boolean) {
  return {
    ...tlsRules(postQuantumOnly),
    ca: identity.authority,
    cert: identity.certificate,
    key: identity.privateKey.export({ type: 'pkcs8', format: 'pem' }),
    rejectUnauthorized: true,
    checkServerIdentity: ((host: string, { raw }: PeerCertificate) =>
      refuseOthers(host, raw, identity.authority)) as never,
  };
}

/**
 * Only the authority's own Director carries that role, so the role says more than a host name would, and a Director
 * may be reached by any name or address.
 */
function refuseOthers(host: string, certificate: Buffer, authority: string): Error | undefined {
  try {
    const { role } = verifyPeerCertificate(certificate, authority, new Date());
    if (role === DIRECTOR_ROLE) return undefined;
    return fail('wrong-peer', `At ${host} a Transporter (${role ?? 'no role'}) answers, not a Director.`);
  } catch (thrown) {
    return toFailure(thrown);
  }
}

function shownCertificate(response: IncomingMessage): Buffer {
  return (response.socket as TLSSocket).getPeerCertificate().raw;
}

/** What it means that a Director could not be dialled. */
export function dialFailure(url: string, error: Error & { code?: string }): Failure {
  if (error instanceof Failure) return error;
  switch (troubleOf(error)) {
    case 'their-certificate':
    case 'our-certificate':
      return fail('certificate-refused', `No trust between this Transporter and ${url}: ${error.message}.`, {
        cause: error,
      });
    case 'key-exchange':
      return keyExchangeRefused(url, error);
    default:
      return fail('unreachable', `The Director at ${url} does not answer: ${error.message}.`, { cause: error });
  }
}

/** What it means that something else than the wanted protocol answers. */
export function statusFailure(url: string, status: number): Failure {
  if (status === 403) return fail('certificate-refused', `The Director at ${url} does not admit this Transporter.`);
  if (status === 503) {
    return fail('too-many-connections', `The Director at ${url} has as many connections as it takes.`, {
      advice: 'It is tried again by itself. Look whether something opens connections to the Director without end.',
    });
  }
  return fail('unreachable', `The Director at ${url} does not answer as one (HTTP ${status}).`);
}
