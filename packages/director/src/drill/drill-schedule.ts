import { toFailure } from '@sealift/core';
import type { Context } from '../context.ts';
import { jobsToDrill } from '../db/drills.ts';
import { jobNamed } from '../db/jobs.ts';
import { ownSource } from '../tasks/looks.ts';
import { drillJob } from './drill-job.ts';

const HOUR = 60 * 60 * 1000;
/** How often it is looked whether a drill is due, ms. */
const LOOK_EVERY = 10 * 60 * 1000;

/** Drills every job once in `intervalHours`, one after another; 0 for never. */
export class DrillSchedule implements AsyncDisposable {
  readonly #context: Context;
  readonly #interval: number;
  readonly #timer: NodeJS.Timeout | undefined;
  #round: Promise<void> = Promise.resolve();

  constructor(context: Context, intervalHours: number) {
    this.#context = context;
    this.#interval = intervalHours * HOUR;
    this.#timer = intervalHours === 0 ? undefined : setInterval(() => this.look(), LOOK_EVERY);
    this.#timer?.unref();
  }

  look(): void {
    this.#round = this.#round.then(() => this.#drillDue());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    await this.#round;
  }

  async #drillDue(): Promise<void> {
    const { db, log, signal } = this.#context;
    for (const id of await jobsToDrill(db, Date.now() - this.#interval)) {
      if (signal.aborted) return;
      const job = await jobNamed(db, id);
      await drillJob(this.#context, job, { reader: ownSource }).catch((thrown) => {
        log.info({ job: job.name, failure: toFailure(thrown) }, 'no key drill now');
      });
    }
  }
}
