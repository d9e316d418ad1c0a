import type { Failure } from '@sealift/core';
import { fail } from './failures.ts';

/**
 * What OpenSSL and Node report when a TLS connection does not come about: the peer's certificate is not accepted, ours
 * is not, the two have no key exchange in common, or the peer does not speak TLS as it should.
 */
export type DialTrouble = 'their-certificate' | 'our-certificate' | 'key-exchange' | 'no-tls';

/** Verification results of OpenSSL as Node names them (X509_V_ERR_*) that concern the peer's certificate. */
const CERTIFICATE_ERRORS: ReadonlySet<string> = new Set([
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_DECRYPT_CERT_SIGNATURE',
  'UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'CERT_SIGNATURE_FAILURE',
  'CERT_NOT_YET_VALID',
  'CERT_HAS_EXPIRED',
  'CERT_CHAIN_TOO_LONG',
  'CERT_REVOKED',
  'CERT_UNTRUSTED',
  'CERT_REJECTED',
  'INVALID_CA',
  'INVALID_PURPOSE',
  'PATH_LENGTH_EXCEEDED',
]);

/** Alerts with which a peer refuses our certificate (RFC 8446 section 6.2). */
const CERTIFICATE_ALERT = /ALERT_(BAD_CERTIFICATE|UNSUPPORTED_CERTIFICATE|CERTIFICATE_\w+|UNKNOWN_CA|ACCESS_DENIED)$/;

/** The alert of a peer that shares no group with us, and what a listener of ours reports about such a peer. */
const KEY_EXCHANGE = /^ERR_SSL_(SSL\/TLS_ALERT_HANDSHAKE_FAILURE|NO_SUITABLE_KEY_SHARE|NO_SUITABLE_GROUPS)$/;

const NO_TLS = /^(EPROTO$|ERR_SSL_|HPE_)/;

/** The same alert, when it comes while we write. */
const KEY_EXCHANGE_ALERT = /SSL alert number 40\b/;

/** Undefined when the trouble is with the network and not with TLS. */
export function troubleOf({ code = '', message }: Error & { code?: string }): DialTrouble | undefined {
  if (CERTIFICATE_ERRORS.has(code) || code.startsWith('ERR_TLS_CERT_')) return 'their-certificate';
  if (CERTIFICATE_ALERT.test(code)) return 'our-certificate';
  if (KEY_EXCHANGE.test(code) || (code === 'EPROTO' && KEY_EXCHANGE_ALERT.test(message))) return 'key-exchange';
  return NO_TLS.test(code) ? 'no-tls' : undefined;
}

/** `peer`: how to name the other side. */
export function keyExchangeRefused(peer: string, cause: Error): Failure {
  return fail('key-exchange-refused', `This machine and ${peer} allow no TLS key exchange in common.`, { cause });
}
