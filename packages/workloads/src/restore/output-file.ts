import { closeSync, constants, ftruncateSync, writeSync } from 'node:fs';
import { toFailure } from '@sealift/core';
import type { EntryMetadata } from '../entry.ts';
import { openAt, renameAt, unlinkAt } from '../posix/names.ts';
import { findAt } from '../posix/stat.ts';
import type { Destination } from './destination.ts';
import { applyMetadata } from './metadata.ts';
import { openFileTarget } from './metadata-targets.ts';
import { checkReplaceable, type RestorePolicy, temporaryName } from './policy.ts';
import { orWarn } from './warnings.ts';

/** Content on its way to a file or device. Exactly one of `finish` and `discard` ends it. */
export interface OutputFile {
  /** Open for writing at positions, also from other threads, until finished or discarded. */
  readonly fd: number;
  /** Throws Failure (`disk-full`, `io-error`, ...); then discard. */
  writeAt(offset: number, bytes: Buffer): void;
  /** A range that reads as zeros: in a new file it stays a hole, on a device old bytes are cleared. */
  zeroAt(offset: number, length: number): void;
  /** Gives the file its size, metadata and name. False: it is not restored, and a warning says why. */
  finish(): boolean;
  /** Gives up; nothing of the file stays behind. What a device has got so far stays. */
  discard(): void;
}

/** A file written beside its final name, so that an unfinished one is never taken for a whole one. */
export class TemporaryFile implements OutputFile {
  readonly fd: number;
  readonly #destination: Destination;
  readonly #entry: EntryMetadata;
  readonly #policy: RestorePolicy;
  readonly #temporary = temporaryName();
  #end = 0;

  constructor(destination: Destination, entry: EntryMetadata, policy: RestorePolicy) {
    const { directory, name } = destination.locate(entry.path);
    checkReplaceable(policy, findAt(directory, name), entry);
    this.fd = openAt(directory, this.#temporary, constants.O_RDWR | constants.O_CREAT | constants.O_EXCL, 0o600);
    this.#destination = destination;
    this.#entry = entry;
    this.#policy = policy;
  }

  writeAt(offset: number, bytes: Buffer): void {
    writeAll(this.fd, offset, bytes);
    this.#end = Math.max(this.#end, offset + bytes.length);
  }

  zeroAt(): void {}

  finish(): boolean {
    const finished = orWarn(this.#entry.path, this.#policy.onWarning, () => {
      if (this.#end !== this.#entry.size) ftruncateSync(this.fd, this.#entry.size);
      applyMetadata(openFileTarget(this.fd), this.#entry, this.#policy);
      const { directory, name } = this.#destination.locate(this.#entry.path);
      // Looked at again: a large file takes long, and somebody may have made one of that name meanwhile.
      checkReplaceable(this.#policy, findAt(directory, name), this.#entry);
      renameAt(directory, this.#temporary, name);
      return true;
    });
    if (finished === true) closeSync(this.fd);
    else this.discard();
    return finished === true;
  }

  discard(): void {
    closeSync(this.fd);
    orWarn(this.#entry.path, this.#policy.onWarning, () =>
      unlinkAt(this.#destination.locate(this.#entry.path).directory, this.#temporary),
    );
  }
}

/** Writes all bytes; a system error comes out as a Failure. */
export function writeAll(fd: number, offset: number, bytes: Buffer): void {
  try {
    for (let done = 0; done < bytes.length; ) done += writeSync(fd, bytes, done, bytes.length - done, offset + done);
  } catch (thrown) {
    throw toFailure(thrown);
  }
}
