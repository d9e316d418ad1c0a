import { Failure } from '@sealift/core';
import { fail } from '../failures.ts';

/** How long a service may take to answer, ms. */
const PATIENCE = 10_000;

/** Asks a service, within bounded time. Errors that are no Failure mean that it did not answer. */
export async function ask<T>(service: string, request: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const signal = AbortSignal.timeout(PATIENCE);
  try {
    return await Promise.race([request(signal), rejection(signal)]);
  } catch (thrown) {
    if (thrown instanceof Failure) throw thrown;
    const why = signal.aborted ? `no answer within ${PATIENCE / 1000} s` : describe(thrown);
    throw fail('kms-unavailable', `${service} does not answer: ${why}.`, { cause: thrown });
  }
}

function rejection(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}

function describe(thrown: unknown): string {
  const { message, cause } = thrown as Error;
  return cause instanceof Error && cause.message !== '' ? `${message}: ${cause.message}` : message;
}
