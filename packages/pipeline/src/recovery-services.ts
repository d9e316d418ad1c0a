import { access } from 'node:fs/promises';
import { type Failure, toFailure } from '@sealift/core';
import { type KeyWrapper, openKeyWrapper, parseKmsAddress } from '@sealift/crypto';
import { fail } from './failures.ts';

/** A file with 32 bytes in base64: the key of a slot of the repository, or what a Director had as its `kms`. */
export interface KeyFile {
  /** As it was given, for messages. */
  name: string;
  read: () => Promise<string>;
}

/** What is at hand to open a repository and its points with. One after the other is tried, the password last. */
export interface WaysToKeys {
  keyFile?: KeyFile | undefined;
  /** Addresses of key management services and key files, as a Director takes them. */
  services?: string[] | undefined;
  /** Asked for when nothing else has helped. */
  password: () => Promise<string>;
  /** Told of each service or key file that did not help. */
  onService?: (failure: Failure) => void;
}

export type OpenService = () => Promise<KeyWrapper>;

/** The services that were named, in their order. @throws Failure `kms-config-invalid` at once for an address that is none */
export function namedServices({ services = [] }: WaysToKeys): OpenService[] {
  return services.map((address) => {
    const config = parseKmsAddress(address);
    return async () => {
      if ('file' in config) await refuseMissingFile(config.file);
      return await openKeyWrapper(config);
    };
  });
}

export function keyFileService({ keyFile }: WaysToKeys): OpenService[] {
  if (keyFile === undefined) return [];
  return [async () => openKeyWrapper({ provider: 'master-key', base64: await readKeyText(keyFile) })];
}

/** @throws Failure `key-file-missing` */
export async function readKeyText({ name, read }: KeyFile): Promise<string> {
  try {
    return await read();
  } catch (thrown) {
    throw isMissing(thrown) ? missing(name, thrown) : toFailure(thrown);
  }
}

/** A Director makes its key file at the first start; here a new key could open nothing. */
async function refuseMissingFile(file: string): Promise<void> {
  await access(file).catch((cause) => {
    throw missing(file, cause);
  });
}

function isMissing(thrown: unknown): boolean {
  return thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT';
}

function missing(file: string, cause: unknown) {
  return fail('key-file-missing', `There is no key file ${file}.`, { cause });
}
