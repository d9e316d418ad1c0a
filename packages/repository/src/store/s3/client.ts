import type { S3Client } from '@aws-sdk/client-s3';
import type { S3Address } from './address.ts';

export interface S3Credentials {
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken?: string;
}

/** Asked again every few minutes, so that keys can be changed while the program runs. */
export type CredentialsSource = () => Promise<S3Credentials>;

/** The SDK asks again 5 minutes before the end, ms. */
const CREDENTIALS_LAST = 10 * 60_000;
const CONNECT_TIMEOUT = 10_000;
/** A connection on which nothing moves for so long is given up, ms. */
const IDLE_TIMEOUT = 30_000;

export type Sdk = typeof import('@aws-sdk/client-s3');

export interface Connection {
  sdk: Sdk;
  client: S3Client;
}

/** The SDK is large: only programs that use an object store load it. */
export async function connectS3(address: S3Address, credentials: CredentialsSource): Promise<Connection> {
  const sdk = await import('@aws-sdk/client-s3');
  const client = new sdk.S3Client({
    region: address.region,
    credentials: async () => ({ ...(await credentials()), expiration: new Date(Date.now() + CREDENTIALS_LAST) }),
    // Other stores than Amazon's know no host name for each bucket, and no checksums but MD5.
    ...(address.endpoint === undefined ? {} : { endpoint: address.endpoint, forcePathStyle: true }),
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    // Whoever calls repeats, since only it knows what a lost answer means.
    maxAttempts: 1,
    requestHandler: { connectionTimeout: CONNECT_TIMEOUT, socketTimeout: IDLE_TIMEOUT, requestTimeout: 0 },
  });
  keepServerDate(client);
  return { sdk, client };
}

/** The store's clock at the time of an answer, ms since 1970; the local one if the answer did not tell. */
export function serverTime(output: { $metadata: object }): number {
  const { serverDate } = output.$metadata as { serverDate?: number };
  return serverDate ?? Date.now();
}

/** Puts the `Date` of each answer, which the SDK drops, into its metadata. */
function keepServerDate(client: S3Client): void {
  client.middlewareStack.add(
    (next) => async (args) => {
      const result = await next(args);
      const { headers } = result.response as { headers?: Record<string, string> };
      const serverDate = Date.parse(headers?.date ?? '');
      if (Number.isFinite(serverDate))
        Object.assign((result.output as { $metadata: object }).$metadata, { serverDate });
      return result;
    },
    { step: 'deserialize', priority: 'high', name: 'keepServerDate' },
  );
}
