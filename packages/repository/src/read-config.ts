import { Failure, toFailure } from '@sealift/core';
import { fail } from './failures.ts';
import { CONFIG_LENGTH, decodeConfig, encodeConfig, isSealed, type RepositoryConfig } from './format/config.ts';
import { CONFIG_NAME, SPARE_CONFIG_NAME } from './layout.ts';
import type { Store } from './store/store.ts';

/** The config is kept twice, the same bytes. */
export const CONFIG_COPIES = [CONFIG_NAME, SPARE_CONFIG_NAME] as const;

export interface StoredConfig {
  config: RepositoryConfig;
  /** Says which copy is damaged or lost, if one is. */
  damage: Failure | undefined;
  /** There is no second copy, as in repositories of earlier versions. */
  spareMissing: boolean;
}

/**
 * The config, from whichever copy is whole. `repository-not-found` where there is none, `config-damaged` where the copies
 * contradict each other.
 */
export async function readConfig(store: Store): Promise<StoredConfig> {
  const first = await tryCopy(store, CONFIG_NAME);
  const spare = await tryCopy(store, SPARE_CONFIG_NAME);
  if (first instanceof Failure) {
    if (spare instanceof Failure) throw neither(store, first, spare);
    return { config: spare, damage: first, spareMissing: false };
  }
  if (spare instanceof Failure) {
    const spareMissing = isMissing(spare);
    return { config: first, damage: spareMissing ? undefined : spare, spareMissing };
  }
  if (!isSameConfig(first, spare)) {
    throw fail('config-damaged', `${CONFIG_COPIES.join(' and ')} in ${store.location} are of different repositories.`, {
      advice: 'Find out which one was put there by mistake, and remove it.',
    });
  }
  return { config: first, damage: undefined, spareMissing: false };
}

/** One copy of the config. @throws Failure `config-damaged`, with what is wrong with it as its cause */
export async function readConfigCopy(store: Store, name: string): Promise<RepositoryConfig> {
  try {
    // One that was removed may still be open, and readable, here.
    if ((await store.markAge(name)) === undefined) throw fail('file-missing', 'it is gone.');
    const { tail, length } = await store.readTail(name, CONFIG_LENGTH * 64);
    if (length > CONFIG_LENGTH * 64) throw fail('format-damaged', `The repository config has ${length} bytes.`);
    return decodeCopy(tail);
  } catch (thrown) {
    const cause = toFailure(thrown);
    if (cause.kind !== 'corrupt') throw cause;
    const message = `${name} in ${store.location}, one of the two copies of the config, is damaged: ${cause.message}`;
    throw fail('config-damaged', message, { cause });
  }
}

/** Writes the second copy. A disk that is full must not keep a repository closed: then it is only told. */
export async function keepSpareConfig(
  store: Store,
  config: RepositoryConfig,
  onProblem: (failure: Failure) => void,
): Promise<void> {
  try {
    await store.publish(SPARE_CONFIG_NAME, encodeConfig(config));
  } catch (thrown) {
    const failure = toFailure(thrown);
    if (failure.code !== 'file-exists') onProblem(failure);
  }
}

export function isSameConfig(one: RepositoryConfig, other: RepositoryConfig): boolean {
  return encodeConfig(one).equals(encodeConfig(other));
}

/** A newer version is believed if the checksum bears it out; else a flipped bit would close the repository. */
function decodeCopy(bytes: Buffer): RepositoryConfig {
  try {
    return decodeConfig(bytes);
  } catch (thrown) {
    const failure = toFailure(thrown);
    if (failure.code !== 'repository-too-new' || isSealed(bytes)) throw failure;
    throw fail('format-damaged', 'its checksum does not hold.', { cause: failure });
  }
}

async function tryCopy(store: Store, name: string): Promise<RepositoryConfig | Failure> {
  try {
    return await readConfigCopy(store, name);
  } catch (thrown) {
    if (thrown instanceof Failure && thrown.code === 'config-damaged') return thrown;
    throw thrown;
  }
}

function neither(store: Store, first: Failure, spare: Failure): Failure {
  if (isMissing(first) && isMissing(spare)) {
    return fail('repository-not-found', `There is no repository at ${store.location}.`, { cause: first.cause });
  }
  const { code, kind, message, advice } = toFailure((isMissing(first) ? spare : first).cause);
  return new Failure(code, kind, `${store.location}: ${message}`, { advice, cause: first });
}

function isMissing({ cause }: Failure): boolean {
  return cause instanceof Failure && cause.code === 'file-missing';
}
