import type { WrapContext } from '../gcm-wrap.ts';

export type KmsProvider = 'master-key' | 'pkcs11' | 'aws-kms' | 'vault';

/** Wraps secrets for storage: under a local master key, or by a key management service. */
export interface KeyWrapper extends AsyncDisposable {
  readonly provider: KmsProvider;
  /** Names the key among those of the provider. Stored beside what it wrapped; only compared, never dialled. */
  readonly keyRef: string;
  /**
   * @throws Failure `kms-unavailable` (retry) when the service does not answer, `kms-refused` when it says no
   */
  wrap(secret: Buffer, context: WrapContext): Promise<Buffer>;
  /** @throws Failure as `wrap`, and `wrap-damaged` for what it did not wrap in this context */
  unwrap(wrapped: Buffer, context: WrapContext): Promise<Buffer>;
}
