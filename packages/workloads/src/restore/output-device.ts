import { closeSync, constants, fsyncSync } from 'node:fs';
import type { EntryMetadata } from '../entry.ts';
import { fail } from '../failures.ts';
import { pathText } from '../path-text.ts';
import { punchHole, sizeBySeeking } from '../posix/extents.ts';
import { openAt } from '../posix/names.ts';
import type { Located } from './destination.ts';
import { type OutputFile, writeAll } from './output-file.ts';
import { NotRestored, type OnRestoreWarning, orWarn } from './warnings.ts';

const ZEROS = Buffer.alloc(1 << 20);

/** A disk image written in place onto a block device; its node keeps owner, mode and times. */
export class OutputDevice implements OutputFile {
  readonly fd: number;
  readonly #path: Buffer;
  readonly #onWarning: OnRestoreWarning;

  /** O_EXCL on a block device means: not while it is mounted or otherwise in use. */
  constructor({ directory, name }: Located, entry: EntryMetadata, onWarning: OnRestoreWarning) {
    this.fd = openAt(directory, name, constants.O_WRONLY | constants.O_EXCL);
    this.#path = entry.path;
    this.#onWarning = onWarning;
    const size = sizeBySeeking(this.fd);
    if (size >= entry.size) return;
    closeSync(this.fd);
    const shortage = `${pathText(name)} has ${size} bytes, the disk image ${entry.size}`;
    throw fail('device-too-small', shortage);
  }

  writeAt(offset: number, bytes: Buffer): void {
    writeAll(this.fd, offset, bytes);
  }

  zeroAt(offset: number, length: number): void {
    if (length === 0 || punchHole(this.fd, offset, length)) return;
    for (let done = 0; done < length; done += ZEROS.length) {
      writeAll(this.fd, offset + done, ZEROS.subarray(0, Math.min(ZEROS.length, length - done)));
    }
  }

  finish(): boolean {
    const finished = orWarn(this.#path, this.#onWarning, () => {
      fsyncSync(this.fd);
      return true;
    });
    closeSync(this.fd);
    return finished === true;
  }

  discard(): void {
    closeSync(this.fd);
    this.#onWarning({
      path: this.#path,
      code: 'not-written',
      message: `${pathText(this.#path)} is restored in part only: the device must not be used`,
    });
  }
}

export function refuseNonDisk(entry: EntryMetadata): void {
  if (entry.disk !== true) {
    throw new NotRestored('in-the-way', 'is not restored: only a disk image can be restored onto a block device');
  }
}
