import { randomUUID } from 'node:crypto';
import { toFailure } from '@sealift/core';
import type { Context } from '../context.ts';
import { recordDue, type ScheduledJob, scheduledJobs } from '../db/job-schedules.ts';
import { jobNamed } from '../db/jobs.ts';
import { dueTimes } from './cron.ts';
import { queueBackup } from './queue-backup.ts';

/** How often it is looked whether a job is due, ms. */
const LOOK_EVERY = 10_000;

/**
 * Queues runs when they are due. Times that passed while the Director was down, or while a run of the job waited, are
 * made up for by one run, however many they were.
 */
export class JobSchedule implements AsyncDisposable {
  readonly #context: Context;
  readonly #timer: NodeJS.Timeout;
  #round: Promise<void> = Promise.resolve();

  constructor(context: Context) {
    this.#context = context;
    this.#timer = setInterval(() => this.look(), LOOK_EVERY);
    this.#timer.unref();
  }

  look(): void {
    this.#round = this.#round.then(() => this.#queueDue());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    await this.#round;
  }

  async #queueDue(): Promise<void> {
    const { db, log, signal } = this.#context;
    if (signal.aborted) return;
    try {
      for (const job of await scheduledJobs(db)) await this.#queueIfDue(job, Date.now());
    } catch (thrown) {
      log.error({ failure: toFailure(thrown) }, 'due runs could not be queued');
    }
  }

  async #queueIfDue({ id, schedule, dueSince }: ScheduledJob, now: number): Promise<void> {
    const due = dueTimes(schedule, this.#context.timeZone)(dueSince);
    if (due === undefined || due > now) return;
    // Queued first: if this is cut off in between, the run that waits already stands for it.
    await queueBackup(this.#context, randomUUID(), await jobNamed(this.#context.db, id));
    await recordDue(this.#context.db, id, now);
  }
}
