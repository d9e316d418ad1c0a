import { setTimeout as sleep } from 'node:timers/promises';
import { toFailure } from '@sealift/core';
import type { DirectorLine } from '../control/director-line.ts';
import { fail } from '../failures.ts';
import type { Logger } from '../logger.ts';
import type { FinishedTask, TaskJournal } from './journal.ts';

/** Pause after a delivery failed, ms. */
const PAUSE = 2000;
/** As many as one message may carry. */
const BATCH = 100;

/** Tells the Director the results of finished tasks, each until it is answered. */
export class ResultDelivery implements AsyncDisposable {
  readonly #journal: TaskJournal;
  readonly #line: DirectorLine;
  readonly #log: Logger;
  readonly #stop = new AbortController();
  #running: Promise<void> | undefined;

  constructor(journal: TaskJournal, line: DirectorLine, log: Logger) {
    this.#journal = journal;
    this.#line = line;
    this.#log = log;
  }

  /** To be called when a task has ended and when the Director is back. */
  wake(): void {
    if (this.#running !== undefined || this.#stop.signal.aborted) return;
    this.#running = this.#deliverAll().finally(() => {
      this.#running = undefined;
      // A result that came in at the last moment.
      if (this.#something()) this.wake();
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(fail('stopping', 'The Transporter is stopping'));
    await this.#running;
  }

  /** Ends when nothing is left, or when the Director is away: its return wakes it again. */
  async #deliverAll(): Promise<void> {
    while (this.#something()) {
      let failed = false;
      for (const task of this.#journal.all()) {
        if (await this.#deliver(task)) await this.#journal.forget(task);
        else failed = true;
      }
      if (failed) await sleep(PAUSE, undefined, { signal: this.#stop.signal }).catch(() => {});
    }
  }

  #something(): boolean {
    return this.#line.connected && !this.#stop.signal.aborted && this.#journal.all().length > 0;
  }

  async #deliver(task: FinishedTask): Promise<boolean> {
    const { taskId, result, warnings } = task;
    const { signal } = this.#stop;
    try {
      for (let at = 0; at < warnings.length; at += BATCH) {
        await this.#line.call('task.warning', { taskId, warnings: warnings.slice(at, at + BATCH) }, signal);
      }
      await this.#line.call('task.finished', { taskId, result }, signal);
      return true;
    } catch (thrown) {
      if (signal.aborted) return false;
      const failure = toFailure(thrown);
      this.#log.warn({ taskId, failure }, 'result not delivered');
      // A Director that refuses a result will not take it later either.
      return failure.kind === 'refused';
    }
  }
}
