import { Failure, toFailure } from '@sealift/core';
import { fail } from '../../failures.ts';

/** What is read of an error of the SDK: its name is the code the store gave. */
interface S3Error {
  name?: string;
  code?: string;
  message?: string;
  $metadata?: { httpStatusCode?: number };
}

type Code = Parameters<typeof fail>[0] | 'disk-full';

const BY_NAME: Record<string, Code> = {
  NoSuchKey: 'file-missing',
  NotFound: 'file-missing',
  NoSuchBucket: 'bucket-missing',
  PreconditionFailed: 'file-exists',
  InvalidRange: 'format-damaged',
  RequestTimeTooSkewed: 'clock-skew',
  SlowDown: 'store-busy',
  TooManyRequests: 'store-busy',
  RequestLimitExceeded: 'store-busy',
  Throttling: 'store-busy',
  ThrottlingException: 'store-busy',
  QuotaExceeded: 'disk-full',
  XMinioStorageFull: 'disk-full',
  InsufficientCapacity: 'disk-full',
  NotImplemented: 'store-unfit',
  CredentialsProviderError: 'store-credentials',
  ExpiredToken: 'store-credentials',
  InvalidAccessKeyId: 'store-credentials',
  SignatureDoesNotMatch: 'store-credentials',
  // These come of a connection that broke or of two requests at once; the same request again may succeed.
  BadDigest: 'store-unreachable',
  IncompleteBody: 'store-unreachable',
  RequestTimeout: 'store-unreachable',
  ConditionalRequestConflict: 'store-unreachable',
  OperationAborted: 'store-unreachable',
  TimeoutError: 'store-unreachable',
  AbortError: 'store-unreachable',
};

/** Of Node, when the certificate of the endpoint does not hold. */
const UNTRUSTED = /^(?:CERT_|ERR_TLS_CERT|DEPTH_ZERO_SELF_SIGNED|SELF_SIGNED_CERT|UNABLE_TO_)/;

/** Names what was done and where; never repeats what was sent, so no secret can get into a log. */
export function s3Failure(thrown: unknown, doing: string, location: string): Failure {
  if (thrown instanceof Failure) return thrown;
  const { name = '', code: errno = '', message = '', $metadata } = thrown as S3Error;
  const status = $metadata?.httpStatusCode;
  const code = BY_NAME[name] ?? (UNTRUSTED.test(errno) ? 'store-untrusted' : codeOfStatus(status));
  const reason = [name, message === 'UnknownError' ? '' : message, status === undefined ? '' : `HTTP ${status}`];
  const told = `${doing} failed at ${location}: ${reason.filter((part) => part !== '').join(', ')}.`;
  if (code === 'disk-full') {
    const advice = 'Raise the quota of the bucket or the user, or free some space, then run the job again.';
    return new Failure('disk-full', 'refused', told, { advice, cause: thrown });
  }
  if (code !== undefined) return fail(code, told, { cause: thrown });
  const known = toFailure(thrown);
  // Without an answer it was the connection, whatever name the error has; our own mistakes are errors of JavaScript.
  if (known.kind === 'bug' && (thrown instanceof TypeError || thrown instanceof RangeError)) return known;
  return fail('store-unreachable', told, { cause: thrown });
}

function codeOfStatus(status: number | undefined): Code | undefined {
  if (status === undefined || status < 300) return undefined;
  if (status === 404) return 'file-missing';
  if (status === 412) return 'file-exists';
  if (status === 416) return 'format-damaged';
  if (status === 429 || status === 503) return 'store-busy';
  if (status === 501) return 'store-unfit';
  if (status === 507) return 'disk-full';
  if (status >= 500) return 'store-unreachable';
  return 'store-refused';
}
