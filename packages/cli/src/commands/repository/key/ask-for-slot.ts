import type { SlotRequest } from '@sealift/wire';
import { fail } from '../../../failures.ts';
import { readKeyFile } from '../../../secrets/key-file.ts';
import { readSecret } from '../../../secrets/read-secret.ts';
import type { Invocation } from '../../../session/host.ts';

/** Exactly one of the first three says how the slot is opened. */
export interface SlotOptions {
  password?: boolean | undefined;
  kms?: boolean | undefined;
  keyFile?: string | undefined;
  passwordFile?: string | undefined;
  keep?: 'hash' | 'never';
  acceptWeak?: boolean;
  label?: string;
}

/** The key slot that the options ask for, with its secret from the terminal or a file. */
export async function askForSlot(invocation: Invocation, options: SlotOptions): Promise<SlotRequest> {
  const { password, kms, keyFile, passwordFile, keep, acceptWeak } = options;
  const label = options.label === undefined ? {} : { label: options.label };
  const ways = [password === true || passwordFile !== undefined, kms === true, keyFile !== undefined];
  if (ways.filter((chosen) => chosen).length !== 1) {
    throw fail('usage', 'a key slot needs one of --password, --kms and --key-file FILE');
  }
  if (kms === true) return { kind: 'kms', ...label };
  if (keyFile !== undefined) {
    return { kind: 'keyfile', key: (await readKeyFile(invocation, keyFile)).toString('base64'), ...label };
  }
  const request = { label: 'Repository password', file: passwordFile, confirm: true };
  const secret = await readSecret(invocation, request);
  const choices = { ...(keep === undefined ? {} : { keep }), ...(acceptWeak === true ? { acceptWeak } : {}) };
  return { kind: 'password', password: secret, ...choices, ...label };
}
