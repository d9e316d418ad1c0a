import { closeSync, constants } from 'node:fs';
import type { EntryMetadata } from '../entry.ts';
import { compareTreePaths, isWithin } from '../path-text.ts';
import { makeDirectoryAt, openAt, unlinkAt } from '../posix/names.ts';
import { findAt } from '../posix/stat.ts';
import type { Destination } from './destination.ts';
import { applyMetadata } from './metadata.ts';
import { openFileTarget } from './metadata-targets.ts';
import { checkReplaceable, mayReplace, type RestorePolicy } from './policy.ts';
import { orWarn } from './warnings.ts';

/**
 * Folders made but not finished: they get their metadata when nothing is written into them any more, the deepest
 * first. Holds those that are open at one point of the tree order, not those of the whole tree.
 */
export class Directories {
  readonly #destination: Destination;
  readonly #policy: RestorePolicy;
  #unfinished: EntryMetadata[] = [];

  constructor(destination: Destination, policy: RestorePolicy) {
    this.#destination = destination;
    this.#policy = policy;
  }

  /** Makes a folder, open to its owner only, or takes over the one that is there. */
  make(entry: EntryMetadata): void {
    const { directory, name } = this.#destination.locate(entry.path);
    const existing = findAt(directory, name);
    if (existing?.kind === 'directory') {
      if (mayReplace(this.#policy, existing, entry)) this.#unfinished.push(entry);
      return;
    }
    checkReplaceable(this.#policy, existing, entry);
    if (existing !== undefined) unlinkAt(directory, name);
    makeDirectoryAt(directory, name, 0o700);
    this.#unfinished.push(entry);
  }

  /** Finishes the folders that lie before `path` in tree order and do not contain it; all of them without a path. */
  settle(path?: Buffer): void {
    if (path !== undefined && this.#unfinished.every((entry) => isOpen(entry, path))) return;
    const staying: EntryMetadata[] = [];
    const done: EntryMetadata[] = [];
    for (const entry of this.#unfinished) (path !== undefined && isOpen(entry, path) ? staying : done).push(entry);
    this.#unfinished = staying;
    for (const entry of done.reverse()) orWarn(entry.path, this.#policy.onWarning, () => this.#finish(entry));
  }

  #finish(entry: EntryMetadata): void {
    const { directory, name } = this.#destination.locate(entry.path);
    const fd = openAt(directory, name, constants.O_RDONLY | constants.O_DIRECTORY);
    try {
      applyMetadata(openFileTarget(fd), entry, this.#policy);
    } finally {
      closeSync(fd);
    }
  }
}

function isOpen(directory: EntryMetadata, path: Buffer): boolean {
  return isWithin(directory.path, path) || compareTreePaths(directory.path, path) > 0;
}
