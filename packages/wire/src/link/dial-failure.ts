import { Failure, toFailure } from '@sealift/core';
import { keyExchangeRefused, troubleOf } from '../dial-trouble.ts';
import { fail } from '../failures.ts';

/** What a failed attempt to connect means. */
export function failureOfDial(url: string, error: Error & { code?: string }): Failure {
  if (error instanceof Failure) return error;
  switch (troubleOf(error)) {
    case 'their-certificate':
      return fail('certificate-refused', `The certificate of ${url} is not accepted: ${error.message}.`, {
        cause: error,
      });
    case 'our-certificate':
      return fail('certificate-refused', `${url} does not accept this machine's certificate.`, { cause: error });
    case 'key-exchange':
      return keyExchangeRefused(url, error);
    case 'no-tls':
      return fail('protocol-violation', `${url} does not answer as a Transporter does: ${error.message}.`, {
        cause: error,
      });
    default:
      return networkFailure(url, error);
  }
}

function networkFailure(url: string, error: Error): Failure {
  const known = toFailure(error);
  if (known.kind === 'retry') return known;
  return fail('unreachable', `The connection to ${url} failed: ${error.message}.`, { cause: error });
}

/** What an HTTP answer means where the upgrade to the data protocol was asked for. */
export function failureOfStatus(url: string, status: number): Failure {
  if (status === 426) return fail('version-mismatch', `${url} does not speak this version of the data protocol.`);
  if (status === 503) return fail('too-many-connections', `${url} has as many links as it takes.`);
  if (status >= 500) return fail('unreachable', `${url} takes no links at the moment (HTTP ${status}).`);
  return fail('protocol-violation', `${url} does not answer as a Transporter does (HTTP ${status}).`);
}
