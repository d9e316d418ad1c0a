import type { Failure } from '@sealift/core';
import { isDiskImage, isMachine, type OpenRoot, openImage, openMachine } from '@sealift/workloads';
import type { NamedRoot } from '../tree/root-names.ts';
import type { FoundEntry } from './walk-messages.ts';

export type OnLost = (failure: Failure) => void;

/** Roots that are served while they are read: disk images, virtual machines. */
export class OpenRoots implements AsyncDisposable {
  readonly #roots = new Map<NamedRoot, OpenRoot>();
  readonly #resources = new AsyncDisposableStack();

  async open(root: NamedRoot, spool: string, onLost: OnLost, signal: AbortSignal): Promise<void> {
    const { path, name } = root;
    if (isDiskImage(path)) this.#hold(root, await openImage(path, name, signal));
    else if (isMachine(path)) this.#hold(root, await openMachine(path, name, spool, onLost, signal));
  }

  /** Undefined: the root is walked. */
  entriesOf(root: NamedRoot): FoundEntry[] | undefined {
    return this.#roots.get(root)?.entries;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#resources.disposeAsync();
  }

  #hold(root: NamedRoot, open: OpenRoot): void {
    this.#roots.set(root, this.#resources.use(open));
  }
}

/**
 * @param spool a folder with room for what virtual machines overwrite while they are read
 * @param onLost told why, when a machine had to be let go before it was read
 */
export async function openRoots(
  roots: NamedRoot[],
  spool: string,
  onLost: OnLost,
  signal: AbortSignal,
): Promise<OpenRoots> {
  const opened = new OpenRoots();
  try {
    for (const root of roots) await opened.open(root, spool, onLost, signal);
    return opened;
  } catch (thrown) {
    await opened[Symbol.asyncDispose]();
    throw thrown;
  }
}
