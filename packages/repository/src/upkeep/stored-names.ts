import { dirname } from 'node:path/posix';
import { fail } from '../failures.ts';
import type { Store } from '../store/store.ts';

/** Which files a folder has. Asked before a file is read, for one that was removed may still be open, and readable, here. */
export class StoredNames {
  readonly #store: Store;
  readonly #names: Set<string>;

  private constructor(store: Store, names: readonly string[]) {
    this.#store = store;
    this.#names = new Set(names);
  }

  static async of(store: Store, folder: string): Promise<StoredNames> {
    return new StoredNames(store, await store.list(folder));
  }

  all(): string[] {
    return [...this.#names];
  }

  /** `file-missing` if it is not there, and was not put there since. */
  async demand(name: string): Promise<void> {
    if (this.#names.has(name) || (await this.#store.list(dirname(name))).includes(name)) return;
    throw fail('file-missing', `${name} is gone from ${this.#store.location}.`);
  }
}
