import { closeSync, constants, readdirSync } from 'node:fs';
import type { SourceState } from '../entry.ts';
import { fail } from '../failures.ts';
import { childPath, pathText, withSlash } from '../path-text.ts';
import { printOf } from '../posix/print.ts';
import { statOf } from '../posix/stat.ts';
import type { KnownTree } from './known-tree.ts';
import { openQuietly } from './open-quietly.ts';
import type { Place } from './read-metadata.ts';

/** What tells one directory from another: its device and inode, or its print. */
type Found = Pick<SourceState, 'device' | 'inode'> | { print: Buffer };

/**
 * A directory being walked. It stays open, and its contents are reached through the open directory, so that nobody can
 * lead the walk elsewhere by putting a link in place of a folder above. One that is unchanged since the last run is only
 * opened when something in it turns out to be changed.
 */
export class DirectoryFrame implements Disposable {
  readonly #absolute: Buffer;
  readonly #path: Buffer;
  readonly #tree: Buffer;
  readonly #found: Found;
  #fd: number | undefined;
  #names: string[] | undefined;
  #next = 0;
  #known: { tree: KnownTree; gaps: number } | undefined;
  #last: string | undefined;

  private constructor(place: Place, found: Found) {
    this.#path = place.absolute;
    this.#tree = withSlash(place.tree);
    this.#absolute = withSlash(place.absolute);
    this.#found = found;
  }

  /** Undefined when another directory has taken the place of the one that `found` describes. */
  static open(place: Place, found: SourceState): DirectoryFrame | undefined {
    const frame = new DirectoryFrame(place, found);
    return frame.#open() && frame.#list() ? frame : undefined;
  }

  /**
   * One whose names are those of the last run.
   *
   * @param gaps what `known` had lost before the entry of the directory was read from it
   */
  static remembered(place: Place, print: Buffer, known: KnownTree, gaps: number): DirectoryFrame {
    const frame = new DirectoryFrame(place, { print: Buffer.from(print) });
    frame.#known = { tree: known, gaps };
    return frame;
  }

  /** Whether it need not have been opened. */
  get closed(): boolean {
    return this.#fd === undefined;
  }

  /** What a warning about the directory itself names. */
  get path(): Buffer {
    return this.#path;
  }

  /** Whether it was listed and holds this name. */
  lists(name: string): boolean {
    return this.#names?.includes(name) === true;
  }

  /** Leaves everything else in it out. */
  keepOnly(name: string): void {
    this.#names = [name];
  }

  /** The next name. @throws what opening throws, if names of the last run were lost and it must be listed after all */
  next(): string | undefined {
    if (this.#known !== undefined) {
      const name = this.#known.tree.childAfter(this.#tree, this.#last);
      if (this.#known.tree.gaps === this.#known.gaps) {
        this.#last = name;
        return name;
      }
      this.#known = undefined;
      this.#openNow();
      this.#list();
    }
    return this.#names?.[this.#next++];
  }

  treePath(name: string): Buffer {
    return childPath(this.#tree, name);
  }

  absolutePath(name: string): Buffer {
    return childPath(this.#absolute, name);
  }

  /** Opens the directory, if it is not open yet. @throws what opening throws, or Failure `changed` */
  place(name: string): Place {
    return {
      directory: this.#openNow(),
      name: Buffer.from(name, 'latin1'),
      tree: this.treePath(name),
      absolute: this.absolutePath(name),
    };
  }

  [Symbol.dispose](): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
  }

  #openNow(): number {
    if (this.#fd === undefined && !this.#open()) {
      throw fail('changed', `${pathText(this.#path)} was replaced while it was being read`);
    }
    return this.#fd as number;
  }

  #open(): boolean {
    // Opening by path could be led elsewhere; the comparison with what was found through the open parent tells.
    const fd = openQuietly(this.#path, constants.O_DIRECTORY);
    try {
      if (same(this.#found, statOf(fd))) {
        this.#fd = fd;
        return true;
      }
    } catch (thrown) {
      closeSync(fd);
      throw thrown;
    }
    closeSync(fd);
    return false;
  }

  /** Reads the names; those up to the last one given are left out. */
  #list(): true {
    try {
      // Strings of latin1 sort by code unit, which is the bytewise order of the names.
      const names = readdirSync(`/proc/self/fd/${this.#fd}`, { encoding: 'latin1' }).sort();
      const last = this.#last;
      this.#names = last === undefined ? names : names.filter((name) => name > last);
      return true;
    } catch (thrown) {
      this[Symbol.dispose]();
      throw thrown;
    }
  }
}

function same(found: Found, status: SourceState): boolean {
  if ('print' in found) return printOf(status).equals(found.print);
  return status.device === found.device && status.inode === found.inode;
}
