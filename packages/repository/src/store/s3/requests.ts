import { setTimeout as sleep } from 'node:timers/promises';
import { ByteCredit, type RetryPolicy, retrying } from '@sealift/core';
import { s3Failure } from './s3-failure.ts';

/** One request with its answer read to the end; it may be made again, so it must give the same result twice. */
export type Request<T> = (signal: AbortSignal) => Promise<T>;

/** Makes a request. `doing` is for messages, such as `Reading packs/00/…`. */
export type Requester = <T>(doing: string, request: Request<T>) => Promise<T>;

/** A request that got no whole answer after so long is given up, ms: 16 MiB at 280 KB/s. */
const LONGEST_REQUEST = 60_000;
/** Requests on their way at once. */
const MOST_REQUESTS = 32;

const POLICY: RetryPolicy = { firstDelay: 100, longestDelay: 5000, patience: 60_000 };

/** Bounded in time and number, repeated with jittered pauses while it fails with kind `retry`. */
export function resilientRequester(location: string, policy: Partial<RetryPolicy> = {}): Requester {
  return retried({ ...POLICY, ...policy }, limited(MOST_REQUESTS, timed(LONGEST_REQUEST, location)));
}

function retried(policy: RetryPolicy, inner: Requester): Requester {
  return (doing, request) => retrying(() => inner(doing, request), policy);
}

function limited(most: number, inner: Requester): Requester {
  const credit = new ByteCredit(most);
  return async (doing, request) => {
    await credit.take(1);
    try {
      return await inner(doing, request);
    } finally {
      credit.give(1);
    }
  };
}

/** The SDK stops watching the signal once the headers are there, so a body that stops is caught here. */
function timed(longest: number, location: string): Requester {
  return async (doing, request) => {
    const ended = new AbortController();
    const signal = AbortSignal.any([ended.signal, AbortSignal.timeout(longest)]);
    const answer = request(signal);
    try {
      return await Promise.race([answer, late(longest, ended.signal)]);
    } catch (thrown) {
      throw s3Failure(thrown, doing, location);
    } finally {
      ended.abort();
      answer.catch(() => {});
    }
  };
}

async function late(longest: number, ended: AbortSignal): Promise<never> {
  await sleep(longest, undefined, { signal: ended, ref: false });
  throw Object.assign(new Error(`no answer within ${longest / 1000} s`), { name: 'TimeoutError' });
}
