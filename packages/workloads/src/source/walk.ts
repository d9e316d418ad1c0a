import type { FoundEntry, Warning } from '../entry.ts';
import type { ExcludeRules } from '../exclude.ts';
import { fail } from '../failures.ts';
import { pathText } from '../path-text.ts';
import { AT_FDCWD } from '../posix/libc.ts';
import { printOf } from '../posix/print.ts';
import { type FileStatus, lookAt, statAt, statPath } from '../posix/stat.ts';
import { SNAPSHOT_PREFIX } from '../snapshot/snapshot-name.ts';
import { Boundaries, type BoundaryRules } from './boundaries.ts';
import { ChangeTimes } from './change-times.ts';
import { describeSource } from './describe-source.ts';
import { DirectoryFrame } from './directory-frame.ts';
import { HardLinks } from './hard-links.ts';
import type { KnownTree } from './known-tree.ts';
import { type Place, readMetadata } from './read-metadata.ts';
import { type SnapshotView, Stand } from './snapshot-view.ts';

/**
 * - `unreadable`: no permission or an I/O error; of a directory, its contents are missing
 * - `vanished`: deleted after its directory was listed
 * - `changed`: a directory replaced by another while the walk went on
 * - `socket`: sockets belong to a running program and are not kept
 */
export type WalkWarning = Warning<'unreadable' | 'vanished' | 'changed' | 'socket'>;

/**
 * `entry` is new or may have changed; `unchanged` is the next one of those that are known; `note`: the next one is not in the
 * snapshot and is read as it is. `missing` is the entry of the
 * tree that a warning is about, where there is none; `unlisted`: an unknown part of a known folder is missing.
 */
export type WalkItem =
  | { entry: FoundEntry }
  | { unchanged: true }
  | { note: string }
  | { warning: WalkWarning; missing?: Buffer; unlisted?: true };

const UNCHANGED: WalkItem = { unchanged: true };

export interface WalkOptions extends BoundaryRules {
  /** Name of the root entry in the tree. */
  name: Buffer;
  exclude: ExcludeRules;
  /** What the last run found below the same roots, by the same rules of exclusion. */
  known?: KnownTree;
  /** Where the root is walked instead: in a snapshot. */
  view?: SnapshotView;
}

/**
 * Everything below `root` (an absolute path; a link there is followed, nowhere else) in tree order: names bytewise, a
 * directory directly before its contents. A disk gives one entry with `disk`. Warnings carry absolute paths.
 * Throws Failure only when the root itself cannot be read.
 */
export function* walk(root: Buffer, options: WalkOptions): Generator<WalkItem, void, undefined> {
  const source = describeSource(options.view?.at ?? root);
  const place: Place = { directory: AT_FDCWD, name: source.path, tree: options.name, absolute: source.path };
  const walker = new Walker(options);
  if (source.kind === 'disk') {
    const status = rootStatus(source.path);
    yield { entry: diskEntry(readMetadata(place, status, false), source.size) };
    return;
  }
  yield* walker.items(place);
}

class Walker {
  readonly #exclude: ExcludeRules;
  readonly #known: KnownTree | undefined;
  readonly #frames: DirectoryFrame[] = [];
  readonly #links = new HardLinks();
  readonly #times: ChangeTimes;
  readonly #stand: Stand | undefined;
  readonly #boundaries: Boundaries;
  /** Names from the root down to the entry at hand; the last one belongs to the topmost frame. */
  readonly #components: string[] = [];

  constructor(options: WalkOptions) {
    this.#exclude = options.exclude;
    this.#known = options.known;
    this.#boundaries = new Boundaries(options);
    this.#times = new ChangeTimes(options.view?.instant);
    this.#stand = options.view === undefined ? undefined : new Stand(options.view);
  }

  *items(root: Place): Generator<WalkItem, void, undefined> {
    try {
      yield this.#root(root);
      for (let frame = this.#frames.at(-1); frame !== undefined; frame = this.#frames.at(-1)) {
        this.#components.length = this.#frames.length - 1;
        const name = this.#nextOf(frame);
        if (typeof name === 'object') yield name;
        if (typeof name !== 'string') {
          this.#frames.pop()?.[Symbol.dispose]();
          continue;
        }
        this.#components.push(name);
        if (this.#unchanged(frame, name)) yield UNCHANGED;
        else yield* this.#visit(frame, name);
      }
    } finally {
      for (const frame of this.#frames) frame[Symbol.dispose]();
    }
  }

  #root(place: Place): WalkItem {
    const status = rootStatus(place.absolute);
    if (status.kind !== 'directory') return this.#item(place, status);
    this.#boundaries.start(status.filesystem);
    const gaps = this.#known?.gaps ?? 0;
    const print = printOf(status);
    if (this.#known?.matches(place.tree, print, undefined)) {
      this.#frames.push(this.#rootFrame(place, status, gaps));
      return UNCHANGED;
    }
    const top = openFrame(place, status);
    if ('code' in top) throw fail('unreadable', top.message);
    this.#frames.push(top);
    const settled = !this.#boundaries.leaveOnlyTag(top) && this.#times.settled(status, place.absolute);
    return { entry: readMetadata(place, status, settled) };
  }

  #rootFrame(place: Place, status: FileStatus, gaps: number): DirectoryFrame {
    if (this.#known !== undefined && this.#times.foldersKept(status.filesystem, place.absolute)) {
      return DirectoryFrame.remembered(place, printOf(status), this.#known, gaps);
    }
    const frame = openFrame(place, status);
    if ('code' in frame) throw fail('unreadable', frame.message);
    return frame;
  }

  /** The next name, its end, or why the names that were lost cannot be read again. */
  #nextOf(frame: DirectoryFrame): string | undefined | WalkItem {
    try {
      return frame.next();
    } catch (thrown) {
      return { warning: warningOf(frame.path, thrown), unlisted: true };
    }
  }

  /**
   * One look at an entry that was there in the last run. The path could be led elsewhere meanwhile; what is found there
   * then is the same file in the same state, or it is visited.
   */
  #unchanged(frame: DirectoryFrame, name: string): boolean {
    const known = this.#known;
    if (known === undefined) return false;
    const absolute = frame.absolutePath(name);
    if (this.#stand?.isMountPoint(absolute)) return false;
    const look = lookAt(AT_FDCWD, absolute);
    if (look === undefined || (look.links > 1 && !look.directory)) return false;
    const { filesystem } = look;
    if (look.directory ? !this.#mayRemember(filesystem, absolute) : !this.#times.kept(filesystem, frame.path))
      return false;
    const tree = frame.treePath(name);
    const { gaps } = known;
    if (!known.matches(tree, look.print, undefined)) return false;
    if (look.directory) {
      const place = { directory: AT_FDCWD, name: absolute, tree, absolute };
      this.#frames.push(DirectoryFrame.remembered(place, look.print, known, gaps));
    }
    return true;
  }

  #mayRemember(filesystem: number, folder: Buffer): boolean {
    return this.#times.foldersKept(filesystem, folder) && !this.#boundaries.isBeyond(filesystem);
  }

  *#visit(frame: DirectoryFrame, name: string): Generator<WalkItem, void, undefined> {
    if (name.startsWith(SNAPSHOT_PREFIX)) return;
    const absolute = frame.absolutePath(name);
    try {
      const { place, status, note } = this.#find(frame, name);
      if (this.#exclude.excludes(this.#components, status.kind === 'directory')) return;
      if (status.kind === 'socket') {
        yield { warning: warn(absolute, 'socket', 'is a socket and is not kept'), missing: place.tree };
      } else if (status.kind === 'directory') {
        yield* this.#enter(place, status, note);
      } else {
        yield this.#item(place, status);
      }
    } catch (thrown) {
      if (this.#exclude.excludes(this.#components, false)) return;
      yield { warning: warningOf(absolute, thrown), missing: frame.treePath(name) };
    }
  }

  /** A folder that only stands for one that is not in the snapshot is walked where that is. */
  #find(frame: DirectoryFrame, name: string): { place: Place; status: FileStatus; note?: string } {
    const place = frame.place(name);
    const status = statAt(place.directory, place.name);
    const live = status.kind === 'directory' ? this.#stand?.elsewhere(place.absolute, status.inode) : undefined;
    if (live === undefined) return { place, status };
    const note = `${pathText(live)} is not in the snapshot, for it is mounted or a subvolume: read while in use`;
    const there = { directory: AT_FDCWD, name: live, tree: place.tree, absolute: live };
    return { place: there, status: statPath(live), note };
  }

  *#enter(place: Place, status: FileStatus, note?: string): Generator<WalkItem, void, undefined> {
    const entry = readMetadata(place, status, this.#times.settled(status, place.absolute));
    if (this.#boundaries.isBeyond(status.filesystem)) {
      entry.source.settled = false;
      yield { entry };
      return;
    }
    if (note !== undefined) yield { note };
    const frame = openFrame(place, status);
    // One that could not be listed, or not whole, must be tried again, however unchanged it is.
    if ('code' in frame || this.#boundaries.leaveOnlyTag(frame)) entry.source.settled = false;
    if (!('code' in frame)) this.#frames.push(frame);
    yield { entry };
    if ('code' in frame) yield { warning: frame };
  }

  #item(place: Place, status: FileStatus): WalkItem {
    const { device, inode, links } = status;
    const first = links > 1 ? this.#links.firstName(device, inode, links, place.tree) : undefined;
    const settled = this.#times.settled(status, place.absolute);
    if (this.#known !== undefined && settled && this.#known.matches(place.tree, printOf(status), first)) {
      return UNCHANGED;
    }
    const entry = readMetadata(place, status, settled);
    if (first !== undefined) entry.hardLink = first;
    return { entry };
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

/**
 * An entry found again by its absolute path; undefined when it is not there any more or of another kind.
 * Failure: `unreadable`.
 */
export function findAgain(absolute: Buffer, { path, kind }: Pick<FoundEntry, 'path' | 'kind'>): FoundEntry | undefined {
  try {
    const place: Place = { directory: AT_FDCWD, name: absolute, tree: path, absolute };
    const status = statPath(absolute);
    return status.kind === kind ? readMetadata(place, status, false) : undefined;
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw fail('unreadable', `${pathText(absolute)}: ${(thrown as Error).message}`, { cause: thrown });
  }
}
