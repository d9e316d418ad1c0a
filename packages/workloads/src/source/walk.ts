import type { FoundEntry, Warning } from '../entry.ts';
import type { ExcludeRules } from '../exclude.ts';
import { fail } from '../failures.ts';
import { pathText } from '../path-text.ts';
import { AT_FDCWD } from '../posix/libc.ts';
import { type FileStatus, statAt, statPath } from '../posix/stat.ts';
import { describeSource } from './describe-source.ts';
import { DirectoryFrame } from './directory-frame.ts';
import { HardLinks } from './hard-links.ts';
import { type Place, readMetadata } from './read-metadata.ts';

/**
 * - `unreadable`: no permission or an I/O error; of a directory, its contents are missing
 * - `vanished`: deleted after its directory was listed
 * - `changed`: a directory replaced by another while the walk went on
 * - `socket`: sockets belong to a running program and are not kept
 */
export type WalkWarning = Warning<'unreadable' | 'vanished' | 'changed' | 'socket'>;

export type WalkItem = { entry: FoundEntry } | { warning: WalkWarning };

export interface WalkOptions {
  /** Name of the root entry in the tree. */
  name: Buffer;
  exclude: ExcludeRules;
}

/**
 * Everything below `root` (an absolute path; a link there is followed, nowhere else) in tree order: names bytewise, a
 * directory directly before its contents. A disk gives one entry with `disk`. Warnings carry absolute paths.
 * Throws Failure only when the root itself cannot be read.
 */
export function* walk(root: Buffer, options: WalkOptions): Generator<WalkItem, void, undefined> {
  const source = describeSource(root);
  const place: Place = { directory: AT_FDCWD, name: source.path, tree: options.name, absolute: source.path };
  const status = rootStatus(source.path);
  const entry = readMetadata(place, status);
  if (source.kind === 'disk') {
    yield { entry: diskEntry(entry, source.size) };
    return;
  }
  if (entry.kind !== 'directory') {
    yield { entry };
    return;
  }
  const top = openFrame(place, status);
  if ('code' in top) throw fail('unreadable', top.message);
  yield* new Walker(top, options.exclude).items(entry);
}

class Walker {
  readonly #exclude: ExcludeRules;
  readonly #frames: DirectoryFrame[];
  readonly #links = new HardLinks();
  /** Names from the root down to the entry at hand; the last one belongs to the topmost frame. */
  readonly #components: string[] = [];

  constructor(top: DirectoryFrame, exclude: ExcludeRules) {
    this.#frames = [top];
    this.#exclude = exclude;
  }

  *items(root: FoundEntry): Generator<WalkItem, void, undefined> {
    try {
      yield { entry: root };
      for (let frame = this.#frames.at(-1); frame !== undefined; frame = this.#frames.at(-1)) {
        const name = frame.next();
        this.#components.length = this.#frames.length - 1;
        if (name === undefined) {
          this.#frames.pop()?.[Symbol.dispose]();
          continue;
        }
        this.#components.push(name);
        yield* this.#visit(frame.place(name));
      }
    } finally {
      for (const frame of this.#frames) frame[Symbol.dispose]();
    }
  }

  *#visit(place: Place): Generator<WalkItem, void, undefined> {
    let status: FileStatus;
    let entry: FoundEntry;
    try {
      status = statAt(place.directory, place.name);
      if (this.#exclude.excludes(this.#components, status.kind === 'directory')) return;
      if (status.kind === 'socket') {
        yield { warning: warn(place.absolute, 'socket', 'is a socket and is not kept') };
        return;
      }
      entry = readMetadata(place, status);
    } catch (thrown) {
      if (!this.#exclude.excludes(this.#components, false)) yield { warning: warningOf(place.absolute, thrown) };
      return;
    }
    if (entry.kind === 'directory') {
      yield* this.#enter(entry, place, status);
      return;
    }
    if (entry.source.links > 1) this.#markHardLink(entry);
    yield { entry };
  }

  *#enter(entry: FoundEntry, place: Place, status: FileStatus): Generator<WalkItem, void, undefined> {
    const frame = openFrame(place, status);
    if (!('code' in frame)) this.#frames.push(frame);
    yield { entry };
    if ('code' in frame) yield { warning: frame };
  }

  #markHardLink(entry: FoundEntry): void {
    const { device, inode, links } = entry.source;
    const first = this.#links.firstName(device, inode, links, entry.path);
    if (first !== undefined) entry.hardLink = first;
  }
}

function openFrame(place: Place, status: FileStatus): DirectoryFrame | WalkWarning {
  try {
    return (
      DirectoryFrame.open(place, status) ?? warn(place.absolute, 'changed', 'was replaced while it was being read')
    );
  } catch (thrown) {
    return warningOf(place.absolute, thrown);
  }
}

function rootStatus(path: Buffer): FileStatus {
  try {
    return statPath(path);
  } catch (thrown) {
    throw fail('unreadable', `${pathText(path)}: ${(thrown as Error).message}`, { cause: thrown });
  }
}

/** A disk is kept as a file of its size: restored to a folder it becomes an image, restored to a device a device. */
function diskEntry(entry: FoundEntry, size: number): FoundEntry {
  const { device: _device, ...rest } = entry;
  return { ...rest, kind: 'file', size, disk: true, source: { ...entry.source, size } };
}

function warningOf(path: Buffer, thrown: unknown): WalkWarning {
  const { code, syscall } = thrown as NodeJS.ErrnoException;
  if (syscall === undefined) throw thrown;
  if (code === 'ENOENT') return warn(path, 'vanished', 'was deleted while its folder was being read');
  if (code === 'ELOOP' || code === 'ENOTDIR') return warn(path, 'changed', 'was replaced while it was being read');
  return warn(path, 'unreadable', `cannot be read: ${code}`);
}

function warn(path: Buffer, code: WalkWarning['code'], message: string): WalkWarning {
  return { path, code, message: `${pathText(path)} ${message}` };
}
