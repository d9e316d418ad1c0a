import { Checkpoints, frozenName, removeBitmap } from './checkpoints.ts';
import type { MachineDisk } from './machine.ts';
import type { QmpClient } from './qmp-client.ts';

/** What a job knows of a machine from its run before. */
export interface Tracking {
  jobId: string;
  runId: string;
  /** Of what is told of changes, bytes; a power of two. */
  granularity: number;
  /** Of a disk that was read before, by the name of its image. */
  before: (image: string) => { bitmap: string; size: number } | undefined;
}

/** Which disks of a point are read by their changes alone, and what becomes of the bitmaps afterwards. */
export class Increments {
  /** Its point is made. */
  kept = false;
  /** Why a disk that was read before is read in full, by the name of its image. */
  readonly inFull = new Map<string, string>();
  readonly #qmp: QmpClient;
  readonly #disks: MachineDisk[];
  #checkpoints: Checkpoints | undefined;
  /** The bitmaps of this point are there. */
  #begun = false;
  /** The bitmap that tells what has changed, by node. */
  readonly #since = new Map<string, string>();

  private constructor(qmp: QmpClient, disks: MachineDisk[], checkpoints: Checkpoints | undefined) {
    this.#qmp = qmp;
    this.#disks = disks;
    this.#checkpoints = checkpoints;
  }

  /** Without `tracking`, all is read and no bitmap is made. */
  static async prepare(qmp: QmpClient, disks: MachineDisk[], tracking: Tracking | undefined): Promise<Increments> {
    if (tracking === undefined) return new Increments(qmp, disks, undefined);
    const { jobId, runId, granularity, before } = tracking;
    const checkpoints = new Checkpoints(jobId, runId, granularity);
    const increments = new Increments(qmp, disks, checkpoints);
    for (const disk of disks) increments.#judge(disk, checkpoints, before(disk.image));
    await checkpoints.removeOthers(qmp, disks, ({ image }) => before(image)?.bitmap);
    return increments;
  }

  get active(): boolean {
    return this.#checkpoints !== undefined;
  }

  /** The bitmap that begins with this point. */
  get next(): string | undefined {
    return this.#checkpoints?.next;
  }

  usable({ node }: MachineDisk): boolean {
    return this.#since.has(node);
  }

  /** Parts of the transaction. */
  actions() {
    return this.#disks.flatMap((disk, i) => this.#checkpoints?.actions(disk, i, this.#since.get(disk.node)) ?? []);
  }

  /** The transaction is done. */
  begin(): void {
    this.#begun = this.active;
  }

  /** QEMU makes no such bitmaps: all is read, in this run. */
  giveUp(why: string): void {
    this.#checkpoints = undefined;
    this.#since.clear();
    for (const { image } of this.#disks) this.inFull.set(image, `no bitmap of its changes can be made (${why})`);
  }

  /** Removes what is not needed any more, once exports are gone: the bitmap before, or after a failure the new one. */
  async end(): Promise<void> {
    if (!this.#begun) return;
    this.#begun = false;
    for (const [i, { node }] of this.#disks.entries()) {
      const since = this.#since.get(node);
      if (since !== undefined) await removeBitmap(this.#qmp, node, frozenName(i));
      const over = this.kept ? since : this.next;
      if (over !== undefined) await removeBitmap(this.#qmp, node, over);
    }
  }

  #judge(disk: MachineDisk, checkpoints: Checkpoints, before: ReturnType<Tracking['before']>): void {
    const objection = objectionTo(disk, checkpoints, before);
    if (objection !== undefined) this.inFull.set(disk.image, objection);
    else if (before !== undefined) this.#since.set(disk.node, before.bitmap);
  }
}

/** Undefined also for a disk that is new to the job. */
function objectionTo(
  disk: MachineDisk,
  checkpoints: Checkpoints,
  before: ReturnType<Tracking['before']>,
): string | undefined {
  if (before === undefined) return checkpoints.knows(disk) ? 'what the run before has noted is lost' : undefined;
  if (before.size !== disk.size) return `it has ${disk.size} bytes and had ${before.size}`;
  return checkpoints.objectionTo(disk.bitmaps.find(({ name }) => name === before.bitmap));
}
