import { closeSync, constants, mkdirSync, openSync } from 'node:fs';
import { fail } from '../failures.ts';
import { pathText } from '../path-text.ts';
import { makeDirectoryAt, O_PATH, openAt } from '../posix/names.ts';
import { NotRestored } from './warnings.ts';

/** A name within an open directory. */
export interface Located {
  directory: number;
  name: Buffer;
}

const HANDLE = O_PATH | constants.O_DIRECTORY;
const MOST_OPEN = 128;
const NUL = 0;

interface Handle {
  fd: number;
  /** Number of the last `locate` that used it. */
  call: number;
}

/**
 * The folder restored into. Every folder on the way to an entry is opened from the one above without following links,
 * and the entry is then named relative to the open folder: a link planted before or during the restore is never
 * walked through. The handles used last stay open.
 */
export class Destination implements Disposable {
  readonly #root: number;
  /** Handles by path, the one used longest ago first. */
  readonly #open = new Map<string, Handle>();
  #calls = 0;

  constructor(path: Buffer) {
    try {
      mkdirSync(path, { recursive: true });
      this.#root = openSync(path, HANDLE);
    } catch (thrown) {
      const message = `${pathText(path)} cannot be restored to: ${(thrown as Error).message}`;
      throw fail('unusable-destination', message, { cause: thrown });
    }
  }

  /** Folders missing on the way are made, open to their owner only. The handle is good until the next call but one. */
  locate(path: Buffer): Located {
    const components = componentsOf(path);
    const name = components.pop() as string;
    this.#calls += 1;
    return { directory: this.#directory(components), name: Buffer.from(name, 'latin1') };
  }

  [Symbol.dispose](): void {
    for (const { fd } of this.#open.values()) closeSync(fd);
    this.#open.clear();
    closeSync(this.#root);
  }

  #directory(components: readonly string[]): number {
    if (components.length === 0) return this.#root;
    const key = components.join('/');
    const known = this.#open.get(key);
    if (known === undefined) return this.#descend(components);
    this.#remember(key, known.fd);
    return known.fd;
  }

  #descend(components: readonly string[]): number {
    let depth = components.length - 1;
    while (depth > 0 && !this.#open.has(components.slice(0, depth).join('/'))) depth -= 1;
    let fd = this.#open.get(components.slice(0, depth).join('/'))?.fd ?? this.#root;
    for (; depth < components.length; depth++) {
      fd = openOrMake(fd, Buffer.from(components[depth] as string, 'latin1'));
      this.#remember(components.slice(0, depth + 1).join('/'), fd);
    }
    return fd;
  }

  #remember(key: string, fd: number): void {
    this.#open.delete(key);
    this.#open.set(key, { fd, call: this.#calls });
    if (this.#open.size <= MOST_OPEN) return;
    const [oldest, handle] = this.#open.entries().next().value as [string, Handle];
    if (handle.call >= this.#calls - 1) return;
    this.#open.delete(oldest);
    closeSync(handle.fd);
  }
}

function openOrMake(directory: number, name: Buffer): number {
  try {
    return openAt(directory, name, HANDLE);
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== 'ENOENT') throw thrown;
  }
  makeDirectoryUnlessThere(directory, name);
  return openAt(directory, name, HANDLE);
}

function makeDirectoryUnlessThere(directory: number, name: Buffer): void {
  try {
    makeDirectoryAt(directory, name, 0o700);
  } catch (thrown) {
    // Another worker may have made it in between.
    if ((thrown as NodeJS.ErrnoException).code !== 'EEXIST') throw thrown;
  }
}

/** Splits a tree path into names (latin1, one character a byte); refuses whatever could lead out of the destination. */
function componentsOf(path: Buffer): string[] {
  const components = path.toString('latin1').split('/');
  const unsafe = components.some((name) => name === '' || name === '.' || name === '..');
  if (unsafe || path.includes(NUL)) {
    throw new NotRestored('unsafe-path', 'is not restored: its path would leave the destination');
  }
  return components;
}
