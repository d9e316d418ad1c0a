import { type Failure, toFailure } from '@sealift/core';
import type { Context } from '../context.ts';
import type { Repository } from '../db/repositories.ts';
import { namesOf, type Run } from '../db/run.ts';
import { explainWait, queuedRuns } from '../db/runs.ts';
import { begin } from './begin.ts';
import { missingKey } from './missing-key.ts';
import { repositoryOf } from './repository-of.ts';
import { closeRun, publishRun } from './run-end.ts';
import { startTask } from './start-task.ts';
import { UnlockAgain } from './unlock-again.ts';

/** A run that could not begin for a reason that nobody will report is looked at again after this long, ms. */
const LOOK_AGAIN = 2_000;

type Obstacle = { wait: string } | { failure: Failure };

/** Begins waiting runs when nothing stands in their way any more. */
export class Dispatcher {
  readonly #context: Context;
  readonly #unlockAgain: UnlockAgain;
  #passing: Promise<void> | undefined;
  #again = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(context: Context) {
    this.#context = context;
    this.#unlockAgain = new UnlockAgain(context);
    context.signal.addEventListener('abort', () => clearTimeout(this.#timer), { once: true });
  }

  /** To be called whenever a run is queued, a run ends, or a Transporter or repository becomes ready. */
  wake(): void {
    if (this.#context.signal.aborted) return;
    this.#again = true;
    this.#passing ??= this.#passes().finally(() => {
      this.#passing = undefined;
      if (this.#again) this.wake();
    });
  }

  async settled(): Promise<void> {
    await this.#passing;
    await this.#unlockAgain.settled();
  }

  async #passes(): Promise<void> {
    while (this.#again && !this.#context.signal.aborted) {
      this.#again = false;
      try {
        for (const run of await queuedRuns(this.#context.db)) await this.#consider(run);
      } catch (thrown) {
        this.#context.log.error({ failure: toFailure(thrown) }, 'waiting runs could not be looked at');
        this.#lookAgain();
      }
    }
  }

  async #consider(run: Run): Promise<void> {
    const context = this.#context;
    const obstacle = await this.#obstacle(run);
    if (obstacle !== undefined && 'failure' in obstacle) {
      await closeRun(context, run, { state: 'failed', failure: obstacle.failure });
    } else if (obstacle !== undefined) {
      await this.#wait(run, obstacle.wait);
    } else {
      const wait = await begin(context.db, run);
      if (wait === undefined) void startTask(context, run.id, () => this.#lookAgain());
      else await this.#wait(run, wait);
    }
  }

  async #wait(run: Run, reason: string): Promise<void> {
    if (!(await explainWait(this.#context.db, run.id, reason))) return;
    this.#context.log.info({ ...namesOf(run), reason }, 'run waits');
    await publishRun(this.#context, run.id);
  }

  async #obstacle(run: Run): Promise<Obstacle | undefined> {
    const { db, connections } = this.#context;
    if (connections.of(run.transporter.id) === undefined) {
      return { wait: `the Transporter ${run.transporter.name} is not connected` };
    }
    const repository = await repositoryOf(db, run);
    const obstacle = repository === undefined ? undefined : await this.#repositoryObstacle(repository);
    return obstacle ?? (await this.#keyObstacle(run));
  }

  async #keyObstacle(run: Run): Promise<Obstacle | undefined> {
    const wait = await missingKey(this.#context, run);
    // A service that is away tells nobody when it is back.
    if (wait !== undefined && this.#context.wrapping.failure !== undefined) this.#lookAgain();
    return wait === undefined ? undefined : { wait };
  }

  async #repositoryObstacle(repository: Repository): Promise<Obstacle | undefined> {
    const { connections, repositories } = this.#context;
    const { id, name, transporterId, transporterName } = repository;
    const target = connections.of(transporterId);
    if (target === undefined) return { wait: `the target Transporter ${transporterName} is not connected` };
    // What was refused may have been mended since: a target goes on trying by itself.
    if (repositories.refusalOf(id) !== undefined) await repositories.refresh(target, repository);
    const failure = repositories.refusalOf(id);
    if (failure !== undefined) return { failure };
    const state = repositories.of(id);
    if (state?.keys?.locked === true) {
      this.#unlockAgain.look(target, repository);
      return { wait: lockedMessage(name, state.whyLocked) };
    }
    if (state?.stats !== undefined) return undefined;
    const why = state?.failure === undefined ? '' : `: ${state.failure.message}`;
    return { wait: `the repository ${name} is not open yet${why}` };
  }

  #lookAgain(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.wake(), LOOK_AGAIN);
  }
}

function lockedMessage(name: string, why: Failure | undefined): string {
  const reason = why === undefined ? '' : ` (${why.message})`;
  return `the repository ${name} is locked: sealift repository unlock ${name}${reason}`;
}
