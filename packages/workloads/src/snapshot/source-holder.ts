import { realpathSync, statfsSync, statSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { type Failure, toFailure } from '@sealift/core';
import type { FoundEntry } from '../entry.ts';
import { fail } from '../failures.ts';
import { isWithin, pathText } from '../path-text.ts';
import type { SnapshotView } from '../source/snapshot-view.ts';
import { type MountPoint, mountPoints } from '../volumes/mount-points.ts';
import { isSubvolume, makeBtrfsSnapshot } from './btrfs-tool.ts';
import type { Leftovers } from './leftovers.ts';
import { takeLvmSnapshot, volumeOf } from './lvm.ts';
import { cloneFile } from './reflink.ts';
import { snapshotName } from './snapshot-name.ts';

/** `auto`: a snapshot where there can be one; `snapshot`: or nothing; `none`: files are read as they are. */
export type Consistency = 'auto' | 'snapshot' | 'none';

/** How a source is held still while it is read. */
export interface HeldSource {
  /** It is walked in this snapshot, instead of where it is. */
  view?: SnapshotView;
  /** It is these entries, and is not walked. */
  entries?: FoundEntry[];
  /** What is to be known about it. */
  note: string;
}

interface Snapshot {
  /** What it is a snapshot of, and where that is to be seen. */
  of: string;
  at: string;
  instant: number;
  how: string;
}

const BTRFS = 0x9123683e;

/** Takes snapshots of the sources of a run, one for all that is in the same volume, and removes them at the end. */
export class SourceHolder implements AsyncDisposable {
  readonly #rule: Consistency;
  readonly #leftovers: Leftovers;
  readonly #held = new AsyncDisposableStack();
  /** By what they are snapshots of. */
  readonly #snapshots = new Map<string, Snapshot>();
  readonly #onLeft: (failure: Failure) => void;

  /** @param onLeft told when something could not be removed; it is tried again when the Transporter starts */
  constructor(rule: Consistency, leftovers: Leftovers, onLeft: (failure: Failure) => void) {
    this.#rule = rule;
    this.#leftovers = leftovers;
    this.#onLeft = onLeft;
  }

  /**
   * @param path of a folder or a file @param name of its entry in the tree
   * @throws Failure `snapshot-impossible`, where one is demanded; `unreadable`
   */
  async hold(path: Buffer, name: Buffer, signal?: AbortSignal): Promise<HeldSource | undefined> {
    if (this.#rule === 'none') return undefined;
    try {
      return await this.#attempt(path, name, signal);
    } catch (thrown) {
      signal?.throwIfAborted();
      const { message, code } = toFailure(thrown);
      if (code === 'unreadable') throw thrown;
      if (this.#rule === 'snapshot') {
        throw fail('snapshot-impossible', `No snapshot of ${pathText(path)}: ${message}`, { cause: thrown });
      }
      return { note: `${pathText(path)}: not a snapshot, files are read while in use: ${message}` };
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      await this.#held.disposeAsync();
    } catch (thrown) {
      this.#onLeft(toFailure(thrown));
    }
  }

  async #attempt(path: Buffer, name: Buffer, signal: AbortSignal | undefined): Promise<HeldSource> {
    const real = realPath(path);
    if (process.geteuid?.() !== 0) throw impossible('the Transporter does not run as root');
    const snapshot = await this.#snapshotWith(real, signal);
    if (snapshot !== undefined) return this.#viewOf(path, real, snapshot);
    if (!statSync(real).isFile()) throw impossible(`${mountOf(real).filesystem} has no snapshots here`);
    const held = new AsyncDisposableStack();
    this.#held.use(held);
    try {
      const entries = await cloneFile(real, name, this.#leftovers, held);
      return { entries, note: `${pathText(path)}: read from a reflink copy, as it was at one instant` };
    } catch (thrown) {
      await held.disposeAsync();
      const { code } = thrown as NodeJS.ErrnoException;
      throw impossible(`${mountOf(real).filesystem} has neither snapshots nor reflink copies here (${code})`);
    }
  }

  #viewOf(path: Buffer, real: string, { of, at, instant, how }: Snapshot): HeldSource {
    const root = Buffer.from(real);
    const mounts = mountPoints()
      .map((mount) => mount.at)
      .filter((place) => place.length > root.length && isBelow(root, place));
    const view = { at: Buffer.from(join(at, relative(of, real))), of: root, instant, mounts };
    return { view, note: `${pathText(path)}: read from ${how} of ${new Date(instant).toISOString()}` };
  }

  async #snapshotWith(real: string, signal: AbortSignal | undefined): Promise<Snapshot | undefined> {
    const of = volumeRootOf(real);
    const known = this.#snapshots.get(of);
    if (known !== undefined) return known;
    const snapshot = await this.#take(of, real, signal);
    if (snapshot !== undefined) this.#snapshots.set(of, snapshot);
    return snapshot;
  }

  async #take(of: string, real: string, signal: AbortSignal | undefined): Promise<Snapshot | undefined> {
    if (statfsSync(real).type === BTRFS) {
      const at = join(of, snapshotName());
      this.#held.use(await this.#leftovers.note({ kind: 'btrfs', path: at }));
      // What is written after this moment may be in it: to the cache it counts as changed.
      const instant = Date.now();
      await makeBtrfsSnapshot(of, at, signal);
      return { of, at, instant, how: 'a Btrfs snapshot' };
    }
    const mount = mountOf(real);
    const volume = await volumeOf(mount, signal);
    if (volume === undefined) return undefined;
    const instant = Date.now();
    const { mountPoint } = await takeLvmSnapshot(volume, mount.filesystem, this.#leftovers, this.#held, signal);
    return { of, at: mountPoint, instant, how: 'an LVM snapshot' };
  }
}

/** Also of the root of all. */
function isBelow(folder: Buffer, path: Buffer): boolean {
  return folder.length === 1 || isWithin(folder, path);
}

function impossible(message: string): Error {
  return fail('snapshot-impossible', `${message}.`);
}

function realPath(path: Buffer): string {
  try {
    const real = realpathSync.native(path, { encoding: 'buffer' });
    const text = real.toString();
    if (!Buffer.from(text).equals(real)) throw impossible('its path is not UTF-8');
    return text;
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).syscall === undefined) throw thrown;
    throw fail('unreadable', `${pathText(path)}: ${(thrown as Error).message}`, { cause: thrown });
  }
}

/** The folder that a snapshot with this path in it is of: the root of a subvolume or of a filesystem. */
function volumeRootOf(real: string): string {
  const mounted = mountOf(real).at.toString();
  for (let folder = real; folder !== mounted; folder = dirname(folder)) {
    if (statfsSync(folder).type === BTRFS && isSubvolume(folder)) return folder;
  }
  if (statfsSync(mounted).type === BTRFS && !isSubvolume(mounted)) {
    throw impossible(`${mounted} shows a part of a Btrfs subvolume only`);
  }
  return mounted;
}

/** Where the filesystem is mounted that a path is on. */
function mountOf(real: string): MountPoint {
  const path = Buffer.from(real);
  const around = mountPoints().filter(({ at }) => isBelow(at, path));
  const mount = around.toSorted((a, b) => a.at.length - b.at.length).at(-1);
  if (mount === undefined) throw impossible(`nothing is mounted at ${real}`);
  return mount;
}
