import type { Failure } from '@sealift/core';
import type { Progress, TaskWarning } from '@sealift/wire';
import type { DirectorLine } from '../control/director-line.ts';
import { fail } from '../failures.ts';
import { failureFields, type Logger } from '../logger.ts';

/** Progress and warnings go to the Director at most this often, ms. */
const INTERVAL = 1000;
/** Most warnings of one run that are told one by one; the rest is a number in the progress. */
const MOST_WARNINGS = 1000;
const BATCH = 100;
const LONGEST_PATH = 4096;
const LONGEST_MESSAGE = 1024;
const LONGEST_CODE = 64;

const NOTHING_YET: Progress = {
  phase: 'waiting',
  files: 0,
  bytesRead: 0,
  bytesNew: 0,
  bytesSent: 0,
  bytesStored: 0,
  reconnects: 0,
  warnings: 0,
};

/** Takes what a task does into the metrics. */
export interface TaskCounter {
  /** A step: `from` and `to` are totals since the start of the task. */
  countProgress(from: Progress, to: Progress): void;
  countRetry(reason: string): void;
}

/** Tells the Director how one task goes. */
export class TaskReporter implements AsyncDisposable {
  readonly #taskId: string;
  readonly #line: DirectorLine;
  readonly #log: Logger;
  readonly #counter: TaskCounter;
  readonly #timer: NodeJS.Timeout;
  readonly #stop = new AbortController();
  #latest = NOTHING_YET;
  #told = NOTHING_YET;
  #warnings = 0;
  #pending: TaskWarning[] = [];
  #sending: Promise<void> | undefined;

  constructor(taskId: string, line: DirectorLine, log: Logger, counter: TaskCounter) {
    this.#taskId = taskId;
    this.#line = line;
    this.#log = log;
    this.#counter = counter;
    this.#timer = setInterval(() => this.#tell(), INTERVAL);
    this.#timer.unref();
  }

  get latest(): Progress {
    return this.#latest;
  }

  /** Warnings so far, told or only counted. */
  get warnings(): number {
    return this.#warnings;
  }

  progress(progress: Progress): void {
    this.#counter.countProgress(this.#latest, progress);
    this.#latest = progress;
  }

  warning(warning: TaskWarning): void {
    this.#warnings += 1;
    if (this.#warnings > MOST_WARNINGS) return;
    const { path, code, message } = warning;
    this.#log.warn({ path: path.toString(), code }, message);
    this.#pending.push({
      path: path.subarray(0, LONGEST_PATH),
      code: code.slice(0, LONGEST_CODE),
      message: message.slice(0, LONGEST_MESSAGE),
    });
  }

  /** The link to the target is lost and being made anew. */
  reconnecting(failure: Failure): void {
    this.#log.warn({ failure }, 'link to the target lost, connecting again');
    this.#counter.countRetry(failure.code);
  }

  /** The next run will have to read everything; this one is none the worse. */
  cacheLost(failure: Failure): void {
    this.#log.warn({ failure }, 'what was found could not be noted down for the next run');
  }

  /** Stops telling and returns the warnings that the Director has not acknowledged. */
  async finish(): Promise<TaskWarning[]> {
    clearInterval(this.#timer);
    this.#stop.abort(fail('stopping', 'The task has ended'));
    await this.#sending;
    return this.#pending;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.finish();
  }

  #tell(): void {
    if (!this.#line.connected) return;
    if (this.#latest !== this.#told) {
      this.#told = this.#latest;
      this.#line.notify('task.progress', { taskId: this.#taskId, progress: this.#latest });
    }
    if (this.#pending.length > 0 && this.#sending === undefined) {
      this.#sending = this.#sendWarnings().finally(() => {
        this.#sending = undefined;
      });
    }
  }

  async #sendWarnings(): Promise<void> {
    const warnings = this.#pending.slice(0, BATCH);
    try {
      await this.#line.call('task.warning', { taskId: this.#taskId, warnings }, this.#stop.signal);
      this.#pending.splice(0, warnings.length);
    } catch (thrown) {
      // They stay pending: the next turn, or the delivery of the result, tells them.
      this.#log.debug(failureFields(thrown), 'warnings not told yet');
    }
  }
}
