import { createHash, X509Certificate } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { checkServerIdentity, type PeerCertificate, type TLSSocket } from 'node:tls';
import type { Failure } from '@sealift/core';
import type { Identity } from '@sealift/crypto';
import { WebSocket } from 'ws';
import { fail } from '../failures.ts';
import { CONTROL_PATH, CONTROL_SUBPROTOCOL, CONTROL_TLS } from './channel.ts';
import { MAX_CONTROL_FRAME } from './frame.ts';
import { type ControlHandlers, ControlPeer, type ControlPeerIdentity } from './peer.ts';

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
    const peer = new ControlPeer(socket, directorIdentity(response), handlers);
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
    checkServerIdentity: checkDirector as never,
    handshakeTimeout: HANDSHAKE_TIMEOUT,
    maxPayload: MAX_CONTROL_FRAME,
    perMessageDeflate: false,
  });
}

/** A Director's certificate names hosts; a Transporter's carries a URN and must not pass for a Director. */
function checkDirector(host: string, certificate: PeerCertificate): Error | undefined {
  if (certificate.subjectaltname?.includes('URI:') === true) {
    return fail('wrong-peer', `${host} answers with the certificate of a Transporter, not of a Director.`);
  }
  const mismatch = checkServerIdentity(host, certificate);
  if (mismatch === undefined) return undefined;
  return fail('wrong-peer', `The Director's certificate does not name ${host}.`, {
    advice: `Add ${host} to the names in the Director's configuration, or use a name that is there.`,
  });
}

function directorIdentity(response: IncomingMessage): ControlPeerIdentity {
  const { raw } = (response.socket as TLSSocket).getPeerCertificate();
  const certificate = new X509Certificate(raw);
  const spki = certificate.publicKey.export({ type: 'spki', format: 'der' });
  return {
    id: 'director',
    role: 'director',
    serial: certificate.serialNumber.toLowerCase(),
    notAfter: certificate.validToDate,
    publicKeyHash: createHash('sha256').update(spki).digest(),
  };
}

const CERTIFICATE_ERRORS = /^(CERT_|UNABLE_TO_|SELF_SIGNED|DEPTH_ZERO|ERR_SSL_TLSV1.*ALERT|ERR_SSL_.*CERT|ERR_TLS_)/;

function dialFailure(url: string, error: Error & { code?: string }): Failure {
  if (error.name === 'Failure') return error as Failure;
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
