import { randomUUID } from 'node:crypto';
import { toFailure } from '@sealift/core';
import type { Context } from '../context.ts';
import { repositoryNamed } from '../db/repositories.ts';
import type { Upkeep } from '../db/run.ts';
import { repositoriesDue } from '../db/upkeep-runs.ts';
import { queueUpkeep } from '../schedule/queue-upkeep.ts';

const HOUR = 60 * 60 * 1000;
/** How often it is looked whether something is due, ms. */
const LOOK_EVERY = 10 * 60 * 1000;

/** A task that every repository gets again and again. */
export interface RecurringUpkeep {
  upkeep: Upkeep;
  /** From one to the next; 0 for never. */
  hours: number;
}

/** Reads a share of every repository once a day, so that all of it is read within so many days; 0 for never. */
export function verificationsWithin(days: number): RecurringUpkeep {
  return { upkeep: { kind: 'verify', spec: { withinDays: days } }, hours: days === 0 ? 0 : 24 };
}

/** Gives back the space of what was removed. */
export function collectionsEvery(hours: number): RecurringUpkeep {
  return { upkeep: { kind: 'collect', spec: { dryRun: false } }, hours };
}

/** Queues one kind of upkeep for every repository when it is due. One somebody asked for meanwhile counts, too. */
export class UpkeepSchedule implements AsyncDisposable {
  readonly #context: Context;
  readonly #recurring: RecurringUpkeep;
  readonly #timer: NodeJS.Timeout | undefined;
  #round: Promise<void> = Promise.resolve();

  constructor(context: Context, recurring: RecurringUpkeep) {
    this.#context = context;
    this.#recurring = recurring;
    if (recurring.hours === 0) return;
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
    const { upkeep, hours } = this.#recurring;
    try {
      for (const id of await repositoriesDue(db, upkeep.kind, Date.now() - hours * HOUR)) {
        await queueUpkeep(this.#context, randomUUID(), await repositoryNamed(db, id), upkeep);
      }
    } catch (thrown) {
      log.warn({ kind: upkeep.kind, failure: toFailure(thrown) }, 'upkeep that is due could not be queued');
    }
  }
}
