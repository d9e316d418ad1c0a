import { Failure } from '@sealift/core';
import { fail } from './failures.ts';
import { CONFIG_LENGTH, decodeConfig, type RepositoryConfig } from './format/config.ts';
import { CONFIG_NAME } from './layout.ts';
import type { Store } from './store/store.ts';

/** The config as it is stored. `repository-not-found` where there is none. */
export async function readConfig(store: Store): Promise<RepositoryConfig> {
  try {
    const { tail, length } = await store.readTail(CONFIG_NAME, CONFIG_LENGTH * 64);
    if (length > CONFIG_LENGTH * 64) throw fail('format-damaged', `The repository config has ${length} bytes.`);
    return decodeConfig(tail);
  } catch (thrown) {
    if (!(thrown instanceof Failure)) throw thrown;
    if (thrown.code === 'file-missing') {
      throw fail('repository-not-found', `There is no repository at ${store.location}.`, { cause: thrown });
    }
    const { code, kind, message, advice } = thrown;
    throw new Failure(code, kind, `${store.location}: ${message}`, { advice, cause: thrown });
  }
}
