import { OURS } from './block-work.ts';
import type { BitmapInfo, MachineDisk } from './machine.ts';
import type { QmpClient } from './qmp-client.ts';

const FROZEN = `${OURS}changed-`;

/** Of the bitmap of a disk that holds, during a run, what had changed at its instant. */
export function frozenName(i: number): string {
  return `${FROZEN}${i}`;
}

/**
 * Dirty bitmaps of one job, in all disks of a machine. Each begins at the instant of a point and goes on until the next
 * point is made: the one before is removed only then, so that a run that fails costs nothing.
 */
export class Checkpoints {
  /** Name of the bitmap that begins with this point. */
  readonly next: string;
  readonly #prefix: string;
  readonly #granularity: number;

  /** @param granularity of what is told, bytes; a power of two */
  constructor(jobId: string, runId: string, granularity: number) {
    this.#prefix = `${OURS}since-${jobId}-`;
    this.next = `${this.#prefix}${runId}`;
    this.#granularity = granularity;
  }

  /** Whether the job has read this disk before. */
  knows({ bitmaps }: MachineDisk): boolean {
    return bitmaps.some(({ name }) => name.startsWith(this.#prefix));
  }

  /** Why a bitmap does not tell what has changed; undefined when it does. */
  objectionTo(bitmap: BitmapInfo | undefined): string | undefined {
    if (bitmap === undefined) return 'the bitmap of its changes is not there';
    if (bitmap.inconsistent) return 'the bitmap of its changes was not closed when the machine ended';
    if (!bitmap.recording) return 'the bitmap of its changes has not recorded';
    return bitmap.granularity === this.#granularity ? undefined : 'the bitmap of its changes has other blocks';
  }

  /** Removes bitmaps of points that were never made, or are not known any more. @param kept by disk, not removed */
  async removeOthers(
    qmp: QmpClient,
    disks: MachineDisk[],
    kept: (disk: MachineDisk) => string | undefined,
  ): Promise<void> {
    for (const disk of disks) {
      for (const { name } of disk.bitmaps) {
        const stale = name.startsWith(this.#prefix) && name !== kept(disk);
        if (stale || name.startsWith(FROZEN)) await removeBitmap(qmp, disk.node, name);
      }
    }
  }

  /**
   * Parts of the transaction: what changed up to now is frozen, and a new bitmap begins. The one before goes on, and is
   * what counts if this run fails.
   */
  actions({ node, keepsBitmaps }: MachineDisk, i: number, since: string | undefined) {
    const granularity = this.#granularity;
    const frozen = { node, name: frozenName(i), granularity, disabled: true };
    return [
      ...(since === undefined
        ? []
        : [
            { type: 'block-dirty-bitmap-add', data: frozen },
            { type: 'block-dirty-bitmap-merge', data: { node, target: frozenName(i), bitmaps: [since] } },
          ]),
      { type: 'block-dirty-bitmap-add', data: { node, name: this.next, persistent: keepsBitmaps, granularity } },
    ];
  }
}

export async function removeBitmap(qmp: QmpClient, node: string, name: string): Promise<void> {
  await qmp.execute('block-dirty-bitmap-remove', { node, name });
}
