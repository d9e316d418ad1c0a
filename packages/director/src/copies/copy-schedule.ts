import { randomUUID } from 'node:crypto';
import { toFailure } from '@sealift/core';
import type { Context } from '../context.ts';
import { type CopyRule, everyCopyRule, recordCopyDue, recordInTime, recordLate } from '../db/copy-rules.ts';
import { isCopying } from '../db/copy-runs.ts';
import { existingRepository } from '../db/repositories.ts';
import type { Run } from '../db/run.ts';
import { raiseAlarm } from '../events/alarms.ts';
import { dueTimes, isOverdue } from '../schedule/cron.ts';
import { queueUpkeep } from '../schedule/queue-upkeep.ts';
import { copyOrderOf } from './copy-spec.ts';

/** How often it is looked whether a standing copy is due or late, ms. */
const LOOK_EVERY = 10_000;

/** Queues runs of standing copies when they are due, and says when one is late. */
export class CopySchedule implements AsyncDisposable {
  readonly #context: Context;
  readonly #timer: NodeJS.Timeout;
  #round: Promise<void> = Promise.resolve();

  constructor(context: Context) {
    this.#context = context;
    this.#timer = setInterval(() => this.look(), LOOK_EVERY);
    this.#timer.unref();
  }

  look(): void {
    this.#round = this.#round.then(() => this.#lookAtAll());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    await this.#round;
  }

  async #lookAtAll(): Promise<void> {
    const { db, log, signal } = this.#context;
    try {
      for (const rule of await everyCopyRule(db)) {
        if (signal.aborted) return;
        await this.#queueIfDue(rule, Date.now());
        await this.#noticeLateness(rule, Date.now());
      }
    } catch (thrown) {
      log.error({ failure: toFailure(thrown) }, 'standing copies could not be looked at');
    }
  }

  async #queueIfDue(rule: CopyRule, now: number): Promise<void> {
    if (rule.schedule === undefined) return;
    const due = dueTimes(rule.schedule, this.#context.timeZone)(rule.dueSince);
    if (due === undefined || due > now) return;
    // One that waits or is under way stands for it.
    if (!(await isCopying(this.#context.db, rule.id))) {
      try {
        await queueCopy(this.#context, randomUUID(), rule);
      } catch (thrown) {
        // Another copy out of the same repository waits: this one is queued when that has begun.
        if (toFailure(thrown).code === 'run-queued') return;
        throw thrown;
      }
    }
    await recordCopyDue(this.#context.db, rule.id, now);
  }

  async #noticeLateness(rule: CopyRule, now: number): Promise<void> {
    const { db } = this.#context;
    if (!isLate(rule, this.#context.timeZone, now)) {
      await recordInTime(db, rule.id);
    } else if (await recordLate(db, rule.id, now)) {
      await raiseAlarm(this.#context, {
        code: 'copy-late',
        message: `The standing copy ${rule.name} was due twice since ${new Date(rule.goodSince).toISOString()}, when it last ended well.`,
        advice: `Look what its runs wait for or failed of: sealift run list --repository ${rule.from.name}`,
        repository: rule.from,
      });
    }
  }
}

export function isLate({ schedule, goodSince }: CopyRule, timeZone: string, now: number): boolean {
  return schedule !== undefined && isOverdue(dueTimes(schedule, timeZone), goodSince, now);
}

/** `run-queued` while another copy out of the same repository waits. */
export async function queueCopy(context: Context, id: string, rule: CopyRule): Promise<Run> {
  const { spec, copyFor } = await copyOrderOf(context, rule);
  const from = await existingRepository(context.db, rule.from.id);
  return await queueUpkeep(context, id, from, { kind: 'copy', spec }, copyFor);
}
