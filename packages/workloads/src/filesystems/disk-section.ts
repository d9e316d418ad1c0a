import { fail } from '../failures.ts';
import { type ReadableDisk, readWhole } from '../nbd/disk.ts';

/** Most that is read at once, bytes: no structure of a filesystem is longer, and file contents are read piece by piece. */
export const LONGEST_READ = 1024 * 1024;

/** A stretch of a disk, read within its bounds whatever a filesystem says. */
export class DiskSection {
  readonly size: number;
  readonly #disk: ReadableDisk;
  readonly #offset: number;
  readonly #signal: AbortSignal;

  constructor(disk: ReadableDisk, offset: number, size: number, signal: AbortSignal) {
    this.#disk = disk;
    this.#offset = offset;
    this.size = size;
    this.#signal = signal;
  }

  /** @throws Failure `filesystem-damaged` for what lies outside */
  async read(offset: number, length: number): Promise<Buffer> {
    this.#check(offset, length);
    if (length > LONGEST_READ) throw fail('filesystem-damaged', `A structure of ${length} bytes is longer than any.`);
    return await readWhole(this.#disk, { offset: this.#offset + offset, length }, this.#signal);
  }

  /** @throws Failure `filesystem-damaged` for what lies outside */
  within(offset: number, size: number): DiskSection {
    this.#check(offset, size);
    return new DiskSection(this.#disk, this.#offset + offset, size, this.#signal);
  }

  /** Where a stretch of this section lies on the disk. */
  onDisk(offset: number, length: number): number {
    this.#check(offset, length);
    return this.#offset + offset;
  }

  #check(offset: number, length: number): void {
    if (offset >= 0 && length >= 0 && offset + length <= this.size) return;
    throw fail('filesystem-damaged', `Something is said to be at byte ${offset}, outside of its ${this.size} bytes.`);
  }
}
