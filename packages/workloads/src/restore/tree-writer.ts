import { realpathSync, statSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import type { EntryMetadata } from '../entry.ts';
import { fail } from '../failures.ts';
import { findAt } from '../posix/stat.ts';
import { Destination, type Located } from './destination.ts';
import { Directories } from './directories.ts';
import { OutputDevice, refuseNonDisk } from './output-device.ts';
import { type OutputFile, TemporaryFile } from './output-file.ts';
import { placeHardLink, placeNode } from './place-node.ts';
import type { RestorePolicy } from './policy.ts';
import { NotRestored, type OnRestoreWarning, orWarn } from './warnings.ts';

/**
 * Writes entries below a destination folder, or one disk image onto a block device. One writer a thread; several
 * threads may write to the same destination as long as one of them (the owner) makes and settles the folders.
 * What cannot be restored becomes a warning, and the rest goes on.
 */
export class TreeWriter implements Disposable {
  readonly #policy: RestorePolicy;
  readonly #destination: Destination;
  readonly #directories: Directories;
  readonly #device: Buffer | undefined;

  /** Makes the destination folder. Throws Failure `unusable-destination`. */
  constructor(destination: string, policy: RestorePolicy) {
    const device = blockDevice(destination);
    this.#policy = { ...policy, onWarning: ownersOnce(policy.onWarning) };
    this.#device = device === undefined ? undefined : Buffer.from(basename(device));
    this.#destination = new Destination(Buffer.from(device === undefined ? destination : dirname(device)));
    this.#directories = new Directories(this.#destination, this.#policy);
  }

  /** Owner only, in tree order: makes a folder before anything is written into it. */
  makeDirectory(entry: EntryMetadata): boolean {
    return this.#attempt(entry, () => {
      if (this.#device !== undefined) refuseNonDisk(entry);
      this.#directories.make(entry);
    });
  }

  /**
   * Any thread: a file's content follows through the result. Undefined: not to be restored, and a warning says why.
   * Throws Failure where a block device cannot take the disk image.
   */
  openOutput(entry: EntryMetadata): OutputFile | undefined {
    return orWarn(entry.path, this.#policy.onWarning, () => {
      const device = this.#deviceFor(entry);
      if (device === undefined) return new TemporaryFile(this.#destination, entry, this.#policy);
      return this.#openDevice(device, entry);
    });
  }

  /** Links, FIFOs, device nodes and hard links. A hard link needs its first name finished before. */
  place(entry: EntryMetadata): boolean {
    return this.#attempt(entry, () => {
      if (this.#device !== undefined) refuseNonDisk(entry);
      if (entry.hardLink !== undefined) placeHardLink(this.#destination, entry, this.#policy);
      else placeNode(this.#destination, entry, this.#policy);
    });
  }

  /** Owner only: everything before `path` in tree order is written, so folders before it get their metadata. */
  settle(path: Buffer): void {
    this.#directories.settle(path);
  }

  /** Owner only: everything is written. */
  finish(): void {
    this.#directories.settle();
  }

  [Symbol.dispose](): void {
    this.#destination[Symbol.dispose]();
  }

  #attempt(entry: EntryMetadata, work: () => void): boolean {
    const done = orWarn(entry.path, this.#policy.onWarning, () => {
      work();
      return true;
    });
    return done === true;
  }

  /** The block device that a disk image goes to: the destination itself, or a node that is there under its name. */
  #deviceFor(entry: EntryMetadata): Located | undefined {
    if (this.#device !== undefined) {
      refuseNonDisk(entry);
      return this.#destination.locate(this.#device);
    }
    if (entry.disk !== true) return undefined;
    const located = this.#destination.locate(entry.path);
    return findAt(located.directory, located.name)?.kind === 'block' ? located : undefined;
  }

  #openDevice(device: Located, entry: EntryMetadata): OutputFile {
    if (this.#policy.overwrite !== 'always') {
      throw new NotRestored('kept', 'is not restored: a block device is overwritten only by the rule "always"');
    }
    return new OutputDevice(device, entry, this.#policy.onWarning);
  }
}

/** The destination with its links resolved when it is a block device. */
function blockDevice(path: string): string | undefined {
  try {
    if (statSync(path, { throwIfNoEntry: false })?.isBlockDevice() !== true) return undefined;
    return realpathSync.native(path);
  } catch (thrown) {
    throw fail('unusable-destination', `${path} cannot be looked at: ${(thrown as Error).message}`, { cause: thrown });
  }
}

/** Without root no owner comes back; that is said once, not for every file. */
function ownersOnce(onWarning: OnRestoreWarning): OnRestoreWarning {
  let said = false;
  return (warning) => {
    if (warning.code === 'owner-kept' && said) return;
    said ||= warning.code === 'owner-kept';
    onWarning(warning);
  };
}
