import { toFailure } from '@sealift/core';
import type { Alarm } from '@sealift/wire';
import type { Context } from '../context.ts';
import { slotWrappersInUse } from '../db/key-slots.ts';
import { wrappersInUse } from '../db/password-epochs.ts';
import { raiseAlarm } from '../events/alarms.ts';

/** How often the service is asked whether it answers, ms. */
const ASK_EVERY = 5 * 60_000;

/** Finds out that keys cannot be had before a run or restore needs them. */
export class KmsWatch implements AsyncDisposable {
  readonly #context: Context;
  readonly #timer: NodeJS.Timeout;
  #work: Promise<unknown> = Promise.resolve();

  constructor(context: Context) {
    this.#context = context;
    const { wrapping } = context;
    wrapping.onDown = (failure) =>
      this.#do(() =>
        this.#raise({
          code: 'kms-down',
          message: `The key management service ${wrapping.current.provider} does not answer: ${failure.message}`,
          advice: `${failure.advice} Until then runs and restores wait, unless their password is given.`,
        }),
      );
    this.#do(() => this.#lookForLostKeys());
    this.#do(() => wrapping.probe());
    this.#timer = setInterval(() => this.#do(() => wrapping.probe()), ASK_EVERY);
    this.#timer.unref();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    // What was asked before may still end in an alarm.
    await this.#work;
    this.#context.wrapping.onDown = () => {};
    await this.#work;
  }

  /** A service that was taken out of the configuration while hashes or keys of repositories still needed it. */
  async #lookForLostKeys(): Promise<void> {
    const { db, wrapping } = this.#context;
    for (const { provider, keyRef, hashes } of await wrappersInUse(db)) {
      if (wrapping.knows({ provider, keyRef })) continue;
      await this.#raise({
        code: 'kms-key-unknown',
        message: `${hashes} password hashes are wrapped by ${provider} with the key '${keyRef}', not set up here.`,
        advice:
          'Name it under previousKms, restart, and run `sealift kms rewrap` before it is taken out. ' +
          'If the key is lost, rotate these passwords and give the present ones.',
      });
    }
    for (const { provider, keyRef, keys } of await slotWrappersInUse(db)) {
      if (wrapping.knows({ provider, keyRef })) continue;
      await this.#raise({
        code: 'kms-key-unknown',
        message: `${keys} keys of repositories are wrapped by ${provider} with the key '${keyRef}', not set up here.`,
        advice:
          'Name it under previousKms, restart, and run `sealift kms rewrap` before it is taken out. ' +
          'If the key is lost, unlock these repositories by a password or key file and add new key slots.',
      });
    }
  }

  #raise(alarm: Alarm): Promise<void> {
    return raiseAlarm(this.#context, alarm);
  }

  #do(work: () => Promise<unknown>): void {
    this.#work = Promise.all([this.#work, work()]).catch((thrown) => {
      this.#context.log.error({ failure: toFailure(thrown) }, 'the keys could not be looked after');
    });
  }
}
