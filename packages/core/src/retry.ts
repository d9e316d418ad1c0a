import { setTimeout as sleep } from 'node:timers/promises';
import { type Failure, toFailure } from './failure.ts';

export interface RetryPolicy {
  /** First pause, ms; doubles each time. */
  firstDelay: number;
  /** Longest pause, ms. */
  longestDelay: number;
  /** Give up this many ms after the first failure. */
  patience: number;
  /** Told before each pause. */
  onRetry?: (failure: Failure, delay: number) => void;
}

/** Repeats `attempt` while it fails with kind `retry`, with growing, jittered pauses, until the patience ends. */
export async function retrying<T>(attempt: () => Promise<T>, policy: RetryPolicy, signal?: AbortSignal): Promise<T> {
  let giveUpAt = Number.POSITIVE_INFINITY;
  const abortable = signal === undefined ? {} : { signal };
  for (let delay = policy.firstDelay; ; delay = Math.min(delay * 2, policy.longestDelay)) {
    try {
      return await attempt();
    } catch (thrown) {
      signal?.throwIfAborted();
      const failure = toFailure(thrown);
      if (giveUpAt === Number.POSITIVE_INFINITY) giveUpAt = Date.now() + policy.patience;
      if (failure.kind !== 'retry' || Date.now() + delay > giveUpAt) throw failure;
      const jittered = delay * (0.5 + Math.random());
      policy.onRetry?.(failure, jittered);
      await sleep(jittered, undefined, abortable);
    }
  }
}
