import type { IncomingMessage } from 'node:http';
import type { PeerCertificate, TLSSocket } from 'node:tls';
import { Failure, toFailure } from '@sealift/core';
import { type Identity, parseCertificate, verifyPeerCertificate } from '@sealift/crypto';
import { WebSocket } from 'ws';
import { fail } from '../failures.ts';
import { CONTROL_PATH, CONTROL_SUBPROTOCOL, CONTROL_TLS, DIRECTOR_ROLE } from './channel.ts';
import { MAX_CONTROL_FRAME } from './frame.ts';
import { type ControlHandlers, ControlPeer } from './peer.ts';

const HANDSHAKE_TIMEOUT = 10_000;

/** Dials a Director. `url` is its `wss://host:port`; resolves once both sides have accepted each other. */
export function connectControl(
  url: string,
  identity: Identity,
  handlers: ControlHandlers,
  signal: AbortSignal,
): Promise<ControlPeer> {
  signal.throwIfAborted();
  const { promise, resolve, reject } = Promise.withResolvers<ControlPeer>();
  const socket = dial(url, identity);
  const onAbort = () => {
    reject(signal.reason);
    socket.terminate();
  };
  signal.addEventListener('abort', onAbort, { once: true });
  socket.on('error', (error) => reject(dialFailure(url, error)));
  socket.once('upgrade', (response) => {
    // The peer must listen before the first frame can arrive, so it is made here and handed out at `open`.
    const peer = new ControlPeer(socket, parseCertificate(shownCertificate(response)), handlers);
    socket.once('open', () => resolve(peer));
  });
  return promise.finally(() => signal.removeEventListener('abort', onAbort));
}

function dial(url: string, identity: Identity): WebSocket {
  return new WebSocket(new URL(CONTROL_PATH, url), CONTROL_SUBPROTOCOL, {
    ...CONTROL_TLS,
    ca: identity.authority,
    cert: identity.certificate,
    key: identity.privateKey.export({ type: 'pkcs8', format: 'pem' }),
    rejectUnauthorized: true,
    checkServerIdentity: ((host: string, { raw }: PeerCertificate) =>
      refuseOthers(host, raw, identity.authority)) as never,
    handshakeTimeout: HANDSHAKE_TIMEOUT,
    maxPayload: MAX_CONTROL_FRAME,
    perMessageDeflate: false,
  });
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

const CERTIFICATE_ERRORS = /^(CERT_|UNABLE_TO_|SELF_SIGNED|DEPTH_ZERO|ERR_SSL_TLSV1.*ALERT|ERR_SSL_.*CERT|ERR_TLS_)/;

function dialFailure(url: string, error: Error & { code?: string }): Failure {
  if (error instanceof Failure) return error;
  if (error.message.includes('403')) {
    return fail('certificate-refused', `The Director at ${url} does not admit this Transporter.`, { cause: error });
  }
  if (CERTIFICATE_ERRORS.test(error.code ?? '')) {
    return fail('certificate-refused', `No trust between this Transporter and ${url}: ${error.message}.`, {
      cause: error,
    });
  }
  return fail('unreachable', `The Director at ${url} does not answer: ${error.message}.`, { cause: error });
}
