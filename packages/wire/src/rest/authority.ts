import { createHash, X509Certificate } from 'node:crypto';
import { connect, type DetailedPeerCertificate, type TLSSocket } from 'node:tls';
import { keyExchangeRefused, troubleOf } from '../dial-trouble.ts';
import { fail } from '../failures.ts';
import { tlsRulesOfRest } from '../tls.ts';

/** No Director shows a longer chain: its certificate and that of its authority. */
const LONGEST_CHAIN = 4;
const PATIENCE = 10_000;

/**
 * Gets the certificate of a Director's authority by the pin of its key (SHA-256 of the SPKI, base64url). Nothing is
 * sent but the TLS handshake; the caller then trusts this authority, and no other, in a connection of its own.
 */
export async function fetchAuthority(
  { url, pin, postQuantumOnly }: { url: string; pin: string; postQuantumOnly?: boolean },
  signal?: AbortSignal,
): Promise<string> {
  const socket = await handshake(new URL(url), postQuantumOnly, signal);
  try {
    for (const certificate of shownChain(socket)) {
      const spki = certificate.publicKey.export({ type: 'spki', format: 'der' });
      if (createHash('sha256').update(spki).digest('base64url') === pin) return certificate.toString();
    }
  } finally {
    socket.destroy();
  }
  throw fail('certificate-refused', `The server at ${url} is not certified by the authority that the token names.`, {
    advice: 'Check the address. If it is right, somebody else answers there: do not go on.',
  });
}

function handshake(
  url: URL,
  postQuantumOnly: boolean | undefined,
  signal: AbortSignal | undefined,
): Promise<TLSSocket> {
  signal?.throwIfAborted();
  const { promise, resolve, reject } = Promise.withResolvers<TLSSocket>();
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const socket = connect({
    host,
    port: url.port === '' ? 443 : Number(url.port),
    // The pin is the check: it is made by the caller of this function before anything is sent.
    rejectUnauthorized: false,
    ...tlsRulesOfRest(postQuantumOnly),
  });
  const onAbort = () => socket.destroy(signal?.reason);
  signal?.addEventListener('abort', onAbort, { once: true });
  socket.setTimeout(PATIENCE, () => socket.destroy(new Error('no answer')));
  socket.once('secureConnect', () => resolve(socket));
  socket.on('error', (cause) =>
    reject(
      troubleOf(cause) === 'key-exchange'
        ? keyExchangeRefused(url.host, cause)
        : fail('unreachable', `${url.host} does not answer: ${cause.message}.`, { cause }),
    ),
  );
  return promise.finally(() => signal?.removeEventListener('abort', onAbort));
}

function shownChain(socket: TLSSocket): X509Certificate[] {
  const chain: X509Certificate[] = [];
  let next: DetailedPeerCertificate | undefined = socket.getPeerCertificate(true);
  while (next?.raw !== undefined && chain.length < LONGEST_CHAIN) {
    chain.push(new X509Certificate(next.raw));
    next = next.issuerCertificate === next ? undefined : next.issuerCertificate;
  }
  return chain;
}
