import { Worker } from 'node:worker_threads';
import { type FailureRecord, failureFromRecord } from '@sealift/core';

/** What a comparison is asked for; crosses into its worker. */
export interface ComparisonRequest {
  source: string;
  restored: string;
  /** Paths relative to the source that were not backed up, or not whole; latin1, one character a byte. */
  leftOut: string[];
  /** Start of the backup, ms since 1970: what changed in the source after it proves nothing. */
  since: number;
}

export interface ComparisonResult {
  /** First differences found, as lines of text. */
  differences: string[];
  /** How many there are in all. */
  count: number;
  /** Differences left aside because the source changed after the backup began. */
  changedSince: number;
  /** Differences in owner left aside because this process is not root and cannot have them restored. */
  ownersKept: number;
}

export type ComparisonMessage = { result: ComparisonResult } | { failure: FailureRecord };

/** Compares a source with what was restored from it, in a worker: it reads every byte of both. */
export async function compareInWorker(request: ComparisonRequest, signal: AbortSignal): Promise<ComparisonResult> {
  signal.throwIfAborted();
  const worker = new Worker(new URL('./comparison-worker.ts', import.meta.url), { workerData: request });
  const { promise, resolve, reject } = Promise.withResolvers<ComparisonResult>();
  const onAbort = () => reject(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  worker.once('message', (message: ComparisonMessage) => {
    if ('result' in message) resolve(message.result);
    else reject(failureFromRecord(message.failure));
  });
  worker.once('error', reject);
  worker.once('exit', (code) => reject(new Error(`the comparison ended with ${code}`)));
  try {
    return await promise;
  } finally {
    signal.removeEventListener('abort', onAbort);
    await worker.terminate();
  }
}
