import { randomUUID } from 'node:crypto';
import { closeSync, openSync, readSync, unlinkSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { storageFailure } from '../store/storage-failure.ts';
import type { SpillPlace } from './spill-place.ts';

export const SCRATCH_ENDING = '.scratch';

const forgotten = new FinalizationRegistry<number>((descriptor) => closeSync(descriptor));

/**
 * A file for what does not fit in memory. It has no name once it is open, so it ends with this program, however that ends,
 * and what an earlier one wrote can never be taken for it. Reading and writing wait for the disk: look-ups are synchronous.
 */
export class ScratchFile implements Disposable {
  readonly #place: SpillPlace;
  readonly #descriptor: number;

  constructor(place: SpillPlace) {
    this.#place = place;
    const { folder } = place;
    const path = join(folder, `${randomUUID()}${SCRATCH_ENDING}`);
    this.#descriptor = attempt('Creating', folder, () => openSync(path, 'wx+', 0o600));
    attempt('Creating', folder, () => unlinkSync(path));
    forgotten.register(this, this.#descriptor, this);
  }

  /** Fills `bytes`. @throws Failure `index-damaged` if it ends before */
  read(bytes: Uint8Array, position: number): void {
    for (let filled = 0; filled < bytes.length; ) {
      const at = position + filled;
      const left = bytes.length - filled;
      const read = attempt('Reading', this.#place.folder, () => readSync(this.#descriptor, bytes, filled, left, at));
      if (read === 0) throw this.#place.damaged(`a file is cut off at ${at}`);
      filled += read;
    }
  }

  write(bytes: Uint8Array, position: number): void {
    for (let written = 0; written < bytes.length; ) {
      const [at, left] = [position + written, bytes.length - written];
      const from = written;
      written += attempt('Writing', this.#place.folder, () => writeSync(this.#descriptor, bytes, from, left, at));
    }
  }

  [Symbol.dispose](): void {
    forgotten.unregister(this);
    closeSync(this.#descriptor);
  }
}

function attempt<T>(doing: string, folder: string, work: () => T): T {
  try {
    return work();
  } catch (thrown) {
    throw storageFailure(thrown, doing, folder);
  }
}
