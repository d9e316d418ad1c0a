import type { Failure, FailureRecord } from '@sealift/core';
import {
  isUpkeepTask,
  type Progress,
  type TaskPoint,
  type TaskResult,
  type TaskStart,
  type UpkeepReport,
} from '@sealift/wire';
import type { DirectorLine } from '../control/director-line.ts';
import { fail } from '../failures.ts';
import { failureFields, type Logger } from '../logger.ts';
import type { ResultDelivery } from './delivery.ts';
import type { TaskJournal } from './journal.ts';
import { type TaskCounter, TaskReporter } from './reporter.ts';

/** Does the work of a task; resolves with the recovery point it made, or what it reports, if it does that. */
export type TaskWork<S extends TaskStart> = (
  task: S,
  reporter: TaskReporter,
  signal: AbortSignal,
) => Promise<{ point?: TaskPoint; report?: UpkeepReport; progress: Progress }>;

export interface RegistryOptions<S extends TaskStart> {
  work: TaskWork<S>;
  journal: TaskJournal;
  delivery: ResultDelivery;
  line: DirectorLine;
  log: Logger;
  counter: (kind: TaskStart['kind']) => TaskCounter;
}

interface Running {
  stop: AbortController;
  ended: Promise<void>;
}

/** Most tasks at once; the Director dispatches far fewer. */
const MOST_TASKS = 64;
const LONGEST_MESSAGE = 4096;

/**
 * The tasks that run in this process. A task that ends leaves its result in the journal; one that is stopped because
 * the Transporter stops leaves nothing, so that the Director dispatches it again.
 */
export class TaskRegistry<S extends TaskStart> implements AsyncDisposable {
  readonly #options: RegistryOptions<S>;
  readonly #running = new Map<string, Running>();
  #stopping = false;

  constructor(options: RegistryOptions<S>) {
    this.#options = options;
  }

  get size(): number {
    return this.#running.size;
  }

  /** Every task this Transporter can answer for, as `hello` lists them. */
  held(): { taskId: string; state: 'running' | 'finished' }[] {
    const finished = this.#options.journal.all().filter(({ taskId }) => !this.#running.has(taskId));
    return [
      ...[...this.#running.keys()].map((taskId) => ({ taskId, state: 'running' as const })),
      ...finished.map(({ taskId }) => ({ taskId, state: 'finished' as const })),
    ];
  }

  /** Begins a task. One that is running, or whose result is still to be delivered, is not begun again. */
  start(task: S): void {
    if (this.#stopping) throw fail('stopping', 'This Transporter is stopping and takes no more tasks');
    const finished = this.#options.journal.get(task.taskId);
    if (this.#running.has(task.taskId) || (finished !== undefined && finished.attempt >= task.attempt)) return;
    if (this.#running.size >= MOST_TASKS) throw fail('too-many-tasks', `${MOST_TASKS} tasks are running here already`);
    const stop = new AbortController();
    const ended = this.#run(task, stop.signal).finally(() => this.#running.delete(task.taskId));
    this.#running.set(task.taskId, { stop, ended });
  }

  /** Cancelling a task that is not running changes nothing: its result, if any, is already on its way. */
  cancel(taskId: string): void {
    this.#running.get(taskId)?.stop.abort(fail('cancelled', 'The run was cancelled'));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping = true;
    const stopping = fail('stopping', 'The Transporter is stopping');
    for (const { stop } of this.#running.values()) stop.abort(stopping);
    await Promise.all([...this.#running.values()].map(({ ended }) => ended));
  }

  async #run(task: S, signal: AbortSignal): Promise<void> {
    const { journal, delivery, line, counter } = this.#options;
    const log = this.#options.log.child({ ...subjectOf(task), run: task.runId, task: task.taskId, kind: task.kind });
    log.info({ attempt: task.attempt }, 'task started');
    await using reporter = new TaskReporter(task.taskId, line, log, counter(task.kind));
    const result = await this.#resultOf(task, reporter, log, signal);
    if (result === undefined) return;
    const warnings = await reporter.finish();
    try {
      await journal.record({ taskId: task.taskId, attempt: task.attempt, result, warnings });
      delivery.wake();
    } catch (thrown) {
      log.error(failureFields(thrown), 'result could not be kept; the run will be dispatched again');
    }
  }

  /** Undefined when the task was stopped only because the Transporter stops. */
  async #resultOf(task: S, reporter: TaskReporter, log: Logger, signal: AbortSignal): Promise<TaskResult | undefined> {
    const startedAt = Date.now();
    try {
      const { point, report, progress } = await this.#options.work(task, reporter, signal);
      const outcome = Math.max(progress.warnings, reporter.warnings) > 0 ? 'warnings' : 'done';
      log.info({ outcome, progress }, 'task finished');
      const made = { ...(point && { point }), ...(report && { report }) };
      return { outcome, progress, ...made, startedAt, finishedAt: Date.now() };
    } catch (thrown) {
      const fields = failureFields(signal.aborted ? signal.reason : thrown);
      const { failure } = fields;
      log.warn(fields, 'task ended early');
      const outcome = signal.aborted ? ENDED_BY[failure.code] : 'failed';
      if (outcome === undefined) return undefined;
      return { outcome, failure: clipped(failure), progress: reporter.latest, startedAt, finishedAt: Date.now() };
    }
  }
}

/** What it is about, for the log. */
function subjectOf(task: TaskStart): { job: string } | { repository: string } {
  return isUpkeepTask(task) ? { repository: task.repositoryName } : { job: task.jobName };
}

/** What a task becomes that was stopped for one of the reasons of `stop`; without an entry it has no result. */
const ENDED_BY: Record<string, TaskResult['outcome']> = { cancelled: 'cancelled' };

/** A failure as it fits into a message. */
function clipped(failure: Failure): FailureRecord {
  const { code, kind, message, advice } = failure;
  return { code: code.slice(0, 64), kind, message: message.slice(0, LONGEST_MESSAGE), advice: advice.slice(0, 2048) };
}
