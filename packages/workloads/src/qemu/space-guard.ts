import { statfs } from 'node:fs/promises';

const LOOK_EVERY_MS = 500;
/** Left free at least: this much, or a twentieth of a small filesystem. */
const RESERVE_BYTES = 1024 ** 3;
const RESERVE_SHARE = 0.05;

/**
 * Looks whether a folder still has room. Where QEMU cannot copy aside what a guest overwrites, the guest's own write
 * fails: a backup has to go before that.
 */
export class SpaceGuard implements Disposable {
  readonly #timer: NodeJS.Timeout;
  #over = false;

  /** @param onLow called once */
  constructor(folder: string, onLow: () => void) {
    this.#timer = setInterval(async () => {
      // A folder that cannot be looked at has no room either.
      const room = await hasRoom(folder).catch(() => false);
      if (room || this.#over) return;
      this[Symbol.dispose]();
      onLow();
    }, LOOK_EVERY_MS);
  }

  [Symbol.dispose](): void {
    this.#over = true;
    clearInterval(this.#timer);
  }
}

export async function hasRoom(folder: string): Promise<boolean> {
  const { bsize, blocks, bavail } = await statfs(folder);
  return bavail * bsize > Math.min(RESERVE_BYTES, blocks * bsize * RESERVE_SHARE);
}
