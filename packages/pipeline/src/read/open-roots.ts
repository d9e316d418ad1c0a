import type { Failure } from '@sealift/core';
import {
  isDiskImage,
  isMachine,
  livePath,
  type OpenRoot,
  openImage,
  openMachine,
  type SnapshotView,
  type SourceHolder,
} from '@sealift/workloads';
import type { PathWarning } from '../progress.ts';
import type { NamedRoot } from '../tree/root-names.ts';
import type { FoundEntry } from './walk-messages.ts';

export type OnLost = (failure: Failure) => void;

/** What the sources of a run are read with. */
export interface OpeningMeans {
  /** A folder with room for what virtual machines overwrite while they are read. */
  spool: string;
  /** Told why, when a machine had to be let go before it was read. */
  onLost: OnLost;
  /** Absent: sources are read as they are. */
  holder: SourceHolder | undefined;
  note(text: string): void;
}

/** Roots that are served while they are read, disk images and virtual machines, and those that are read in snapshots. */
export class OpenRoots implements AsyncDisposable {
  readonly #roots = new Map<NamedRoot, FoundEntry[]>();
  readonly #views = new Map<NamedRoot, SnapshotView>();
  readonly #resources = new AsyncDisposableStack();

  async open(root: NamedRoot, means: OpeningMeans, signal: AbortSignal): Promise<void> {
    const { path, name } = root;
    const { spool, onLost } = means;
    if (isDiskImage(path)) this.#hold(root, await openImage(path, name, signal));
    else if (isMachine(path)) this.#hold(root, await openMachine(path, name, spool, onLost, signal));
    else await this.#holdStill(root, means, signal);
  }

  viewOf(root: NamedRoot): SnapshotView | undefined {
    return this.#views.get(root);
  }

  /** What is read in a snapshot is told of by where it is outside. */
  shown<W extends PathWarning>(warning: W): W {
    for (const view of this.#views.values()) {
      const path = livePath(view, warning.path);
      if (path === undefined) continue;
      const message = warning.message.replaceAll(view.at.toString(), view.of.toString());
      return { ...warning, path, message };
    }
    return warning;
  }

  /** Undefined: the root is walked. */
  entriesOf(root: NamedRoot): FoundEntry[] | undefined {
    return this.#roots.get(root);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#resources.disposeAsync();
  }

  async #holdStill(root: NamedRoot, { holder, note }: OpeningMeans, signal: AbortSignal): Promise<void> {
    const held = await holder?.hold(root.path, root.name, signal);
    if (held === undefined) return;
    note(held.note);
    if (held.view !== undefined) this.#views.set(root, held.view);
    if (held.entries !== undefined) this.#roots.set(root, held.entries);
  }

  #hold(root: NamedRoot, open: OpenRoot): void {
    this.#roots.set(root, this.#resources.use(open).entries);
  }
}

export async function openRoots(roots: NamedRoot[], means: OpeningMeans, signal: AbortSignal): Promise<OpenRoots> {
  const opened = new OpenRoots();
  try {
    for (const root of roots) await opened.open(root, means, signal);
    return opened;
  } catch (thrown) {
    await opened[Symbol.asyncDispose]();
    throw thrown;
  }
}
