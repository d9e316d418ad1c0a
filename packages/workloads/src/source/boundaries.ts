import { closeSync, constants, fstatSync, readSync } from 'node:fs';
import { pathAt } from '../posix/names.ts';
import type { DirectoryFrame } from './directory-frame.ts';
import { openQuietly } from './open-quietly.ts';

/** Where a walk does not go on, whatever is excluded by name. */
export interface BoundaryRules {
  /** Folders on other filesystems than the root are kept without what is in them. */
  oneFileSystem?: boolean;
  /** Folders tagged as caches are kept with their tag alone. */
  excludeCaches?: boolean;
}

const TAG = 'CACHEDIR.TAG';
/** As of bford.info/cachedir: a file of this name that begins with these bytes. */
const SIGNATURE = Buffer.from('Signature: 8a477f597d28d172789f06886806bc55');

export class Boundaries {
  readonly #rules: BoundaryRules;
  #filesystem: number | undefined;

  constructor(rules: BoundaryRules) {
    this.#rules = rules;
  }

  /** @param filesystem that the root of the walk is on */
  start(filesystem: number): void {
    this.#filesystem = filesystem;
  }

  isBeyond(filesystem: number): boolean {
    return this.#rules.oneFileSystem === true && filesystem !== this.#filesystem;
  }

  /** Leaves nothing but the tag of a folder that is tagged as a cache; whether that was done. */
  leaveOnlyTag(frame: DirectoryFrame): boolean {
    if (this.#rules.excludeCaches !== true || !frame.lists(TAG) || !isTag(frame)) return false;
    frame.keepOnly(TAG);
    return true;
  }
}

function isTag(frame: DirectoryFrame): boolean {
  try {
    const { directory, name } = frame.place(TAG);
    const fd = openQuietly(pathAt(directory, name), constants.O_NONBLOCK);
    try {
      const found = Buffer.alloc(SIGNATURE.length);
      return (
        fstatSync(fd).isFile() && readSync(fd, found, 0, found.length, 0) === found.length && found.equals(SIGNATURE)
      );
    } finally {
      closeSync(fd);
    }
  } catch {
    // What cannot be read marks no cache: it is backed up, or there is a warning about it.
    return false;
  }
}
