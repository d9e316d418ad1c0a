import { masterKey } from '@sealift/crypto';
import type { Invocation } from '../session/host.ts';
import { readSecret } from './read-secret.ts';

/** The 32 bytes in a key file, which holds them in base64. @throws Failure `master-key-invalid` */
export async function readKeyFile(invocation: Invocation, file: string): Promise<Buffer> {
  return masterKey(await readSecret(invocation, { label: `The key file ${file}`, file }));
}
