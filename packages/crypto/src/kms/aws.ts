import { toFailure } from '@sealift/core';
import { fail } from '../failures.ts';
import { ask } from './ask.ts';
import type { KmsConfig } from './config.ts';
import { contextFields } from './context-bytes.ts';
import type { KeyWrapper } from './key-wrapper.ts';

type Config = Extract<KmsConfig, { provider: 'aws-kms' }>;

/** Says no for good; throttling and outages are not among them. */
const REFUSALS = new Set([
  'AccessDeniedException',
  'DisabledException',
  'InvalidGrantTokenException',
  'InvalidKeyUsageException',
  'KMSInvalidStateException',
  'NotFoundException',
  'UnrecognizedClientException',
  'CredentialsProviderError',
]);
const DAMAGES = new Set(['InvalidCiphertextException', 'IncorrectKeyException']);

/** AWS KMS by its official SDK; credentials are found as that finds them. The context is the EncryptionContext. */
export async function awsWrapper({ keyId, region, endpoint }: Config): Promise<KeyWrapper> {
  const sdk = await import('@aws-sdk/client-kms').catch((cause) => {
    throw fail('kms-refused', 'The package @aws-sdk/client-kms is not installed: npm install @aws-sdk/client-kms.', {
      cause: toFailure(cause),
    });
  });
  const client = new sdk.KMSClient({ region, maxAttempts: 2, ...(endpoint === undefined ? {} : { endpoint }) });
  const send = <T>(request: (abort: { abortSignal: AbortSignal }) => Promise<T>) =>
    ask('AWS KMS', (abortSignal) =>
      request({ abortSignal }).catch((thrown) => Promise.reject(failureOf(thrown, keyId))),
    );
  return {
    provider: 'aws-kms',
    keyRef: keyId,
    wrap: async (Plaintext, context) => {
      const command = new sdk.EncryptCommand({ KeyId: keyId, Plaintext, EncryptionContext: contextFields(context) });
      return ownBytes((await send((options) => client.send(command, options))).CiphertextBlob);
    },
    unwrap: async (CiphertextBlob, context) => {
      const EncryptionContext = contextFields(context);
      const command = new sdk.DecryptCommand({ KeyId: keyId, CiphertextBlob, EncryptionContext });
      return ownBytes((await send((options) => client.send(command, options))).Plaintext);
    },
    [Symbol.asyncDispose]: async () => client.destroy(),
  };
}

function ownBytes(bytes: Uint8Array | undefined): Buffer {
  if (bytes === undefined) throw fail('kms-unavailable', 'AWS KMS answered without what was asked for.');
  return Buffer.from(bytes);
}

/** What the service said, by its name; anything else is for `ask` to judge. */
function failureOf(thrown: unknown, keyId: string): unknown {
  const { name, message } = thrown as Error;
  if (DAMAGES.has(name)) return fail('wrap-damaged', `AWS KMS cannot unwrap it: ${message || name}.`);
  if (REFUSALS.has(name)) return fail('kms-refused', `AWS KMS refuses the key ${keyId}: ${message || name}.`);
  return thrown;
}
