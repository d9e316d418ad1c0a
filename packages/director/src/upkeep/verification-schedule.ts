import { randomUUID } from 'node:crypto';
import { toFailure } from '@sealift/core';
import type { Context } from '../context.ts';
import { repositoryNamed } from '../db/repositories.ts';
import { repositoriesToVerify } from '../db/verifications.ts';
import { queueUpkeep } from '../schedule/queue-upkeep.ts';

const DAY = 24 * 60 * 60 * 1000;
/** How often it is looked whether a verification is due, ms. */
const LOOK_EVERY = 10 * 60 * 1000;

/** Verifies a share of every repository once a day, so that all of it is read within so many days; 0 for never. */
export class VerificationSchedule implements AsyncDisposable {
  readonly #context: Context;
  readonly #withinDays: number;
  readonly #timer: NodeJS.Timeout | undefined;
  #round: Promise<void> = Promise.resolve();

  constructor(context: Context, withinDays: number) {
    this.#context = context;
    this.#withinDays = withinDays;
    if (withinDays === 0) return;
    this.#timer = setInterval(() => this.#look(), LOOK_EVERY);
    this.#timer.unref();
    this.#look();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    await this.#round;
  }

  #look(): void {
    this.#round = this.#round.then(() => this.#queueDue());
  }

  async #queueDue(): Promise<void> {
    const { db, log } = this.#context;
    try {
      for (const id of await repositoriesToVerify(db, Date.now() - DAY)) {
        const repository = await repositoryNamed(db, id);
        const upkeep = { kind: 'verify' as const, spec: { withinDays: this.#withinDays } };
        await queueUpkeep(this.#context, randomUUID(), repository, upkeep);
      }
    } catch (thrown) {
      log.warn({ failure: toFailure(thrown) }, 'verifications that are due could not be queued');
    }
  }
}
