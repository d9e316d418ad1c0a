import { Failure, toFailure } from '@sealift/core';
import { fail } from '../failures.ts';

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

/** What a failed attempt to connect means. */
export function failureOfDial(url: string, error: Error & { code?: string }): Failure {
  if (error instanceof Failure) return error;
  const code = error.code ?? '';
  if (CERTIFICATE_ERRORS.has(code)) {
    return fail('certificate-refused', `The certificate of ${url} is not accepted: ${error.message}.`, {
      cause: error,
    });
  }
  if (CERTIFICATE_ALERT.test(code)) {
    return fail('certificate-refused', `${url} does not accept this machine's certificate.`, { cause: error });
  }
  if (code === 'EPROTO' || code.startsWith('ERR_SSL_') || code.startsWith('HPE_')) {
    return fail('protocol-violation', `${url} does not answer as a Transporter does: ${error.message}.`, {
      cause: error,
    });
  }
  const known = toFailure(error);
  if (known.kind === 'retry') return known;
  return fail('unreachable', `The connection to ${url} failed: ${error.message}.`, { cause: error });
}

/** What an HTTP answer means where the upgrade to the data protocol was asked for. */
export function failureOfStatus(url: string, status: number): Failure {
  if (status === 426) return fail('version-mismatch', `${url} does not speak this version of the data protocol.`);
  if (status >= 500) return fail('unreachable', `${url} takes no links at the moment (HTTP ${status}).`);
  return fail('protocol-violation', `${url} does not answer as a Transporter does (HTTP ${status}).`);
}
