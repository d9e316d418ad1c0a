import { join } from 'node:path';
import { type KmsConfig, openKeyWrapper, parseKmsAddress } from '@sealift/crypto';
import type { DirectorConfig } from '../config.ts';
import { type OnRequest, Wrapping } from './wrapping.ts';

/** The configured key management service, and those that were in use before it. */
export async function openWrapping(config: DirectorConfig, onRequest: OnRequest): Promise<Wrapping> {
  await using opened = new AsyncDisposableStack();
  const previous = [];
  for (const earlier of config.previousKms ?? []) {
    previous.push(opened.use(await openKeyWrapper(parseKmsAddress(earlier))));
  }
  const current = opened.use(await openKeyWrapper(kmsOf(config)));
  opened.move();
  return new Wrapping(current, { previous, inPoints: config.kms !== undefined, onRequest });
}

function kmsOf({ data, kms, masterKey, masterKeyFile = join(data, 'master.key') }: DirectorConfig): KmsConfig {
  if (kms !== undefined) return parseKmsAddress(kms);
  const provider = 'master-key';
  return masterKey === undefined ? { provider, file: masterKeyFile } : { provider, base64: masterKey };
}
