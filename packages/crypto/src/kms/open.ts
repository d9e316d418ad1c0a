import { masterKeyWrapper } from '../master-key.ts';
import type { KmsConfig } from './config.ts';
import type { KeyWrapper } from './key-wrapper.ts';

/** Opens what a configuration names. What a provider needs is loaded only when it is used. */
export async function openKeyWrapper(config: KmsConfig): Promise<KeyWrapper> {
  switch (config.provider) {
    case 'master-key':
      return await masterKeyWrapper(config);
    case 'pkcs11':
      return (await import('./pkcs11.ts')).pkcs11Wrapper(config);
    case 'aws-kms':
      return await (await import('./aws.ts')).awsWrapper(config);
    case 'vault':
      return (await import('./vault.ts')).vaultWrapper(config);
  }
}
