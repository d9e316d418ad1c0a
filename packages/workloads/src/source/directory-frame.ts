import { closeSync, constants, readdirSync } from 'node:fs';
import type { SourceState } from '../entry.ts';
import { childPath, withSlash } from '../path-text.ts';
import { statOf } from '../posix/stat.ts';
import { openQuietly } from './open-quietly.ts';
import type { Place } from './read-metadata.ts';

/**
 * A directory being walked. It stays open, and its contents are reached through the open directory, so that nobody can
 * lead the walk elsewhere by putting a link in place of a folder above.
 */
export class DirectoryFrame implements Disposable {
  readonly #fd: number;
  readonly #names: string[];
  readonly #tree: Buffer;
  readonly #absolute: Buffer;
  #next = 0;

  private constructor(fd: number, names: string[], place: Place) {
    this.#fd = fd;
    this.#names = names;
    this.#tree = withSlash(place.tree);
    this.#absolute = withSlash(place.absolute);
  }

  /** Undefined when another directory has taken the place of the one that `found` describes. */
  static open(place: Place, found: SourceState): DirectoryFrame | undefined {
    // Opening by path could be led elsewhere; the comparison with what was found through the open parent tells.
    const fd = openQuietly(place.absolute, constants.O_DIRECTORY);
    try {
      const status = statOf(fd);
      if (status.device === found.device && status.inode === found.inode) {
        // Strings of latin1 sort by code unit, which is the bytewise order of the names.
        const names = readdirSync(`/proc/self/fd/${fd}`, { encoding: 'latin1' }).sort();
        return new DirectoryFrame(fd, names, place);
      }
    } catch (thrown) {
      closeSync(fd);
      throw thrown;
    }
    closeSync(fd);
    return undefined;
  }

  next(): string | undefined {
    return this.#names[this.#next++];
  }

  place(name: string): Place {
    return {
      directory: this.#fd,
      name: Buffer.from(name, 'latin1'),
      tree: childPath(this.#tree, name),
      absolute: childPath(this.#absolute, name),
    };
  }

  [Symbol.dispose](): void {
    closeSync(this.#fd);
  }
}
