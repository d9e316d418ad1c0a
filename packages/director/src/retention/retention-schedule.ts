import { toFailure } from '@sealift/core';
import type { Context } from '../context.ts';
import { retainCopiesDue } from '../copies/retain-copies.ts';
import { jobsToRetain } from '../db/job-retention.ts';
import { retainInBackground } from './apply.ts';

const HOUR = 60 * 60 * 1000;
/** How often it is looked whether a job is due, ms. */
const LOOK_EVERY = 10 * 60 * 1000;

/** Applies the rule of every job, and asks its target for problems, once in `intervalHours`; 0 for never. */
export class RetentionSchedule implements AsyncDisposable {
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
    this.#round = this.#round
      .then(() => this.#retainDue())
      .catch((thrown) => {
        this.#context.log.error({ failure: toFailure(thrown) }, 'retention could not look at its jobs');
      });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    await this.#round;
    await this.#context.turns.settled();
  }

  async #retainDue(): Promise<void> {
    const { db, signal, turns } = this.#context;
    for (const id of await jobsToRetain(db, Date.now() - this.#interval)) {
      if (signal.aborted) return;
      await turns.run(() => retainInBackground(this.#context, id));
    }
    await retainCopiesDue(this.#context, Date.now() - this.#interval);
  }
}
