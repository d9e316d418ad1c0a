import { once } from 'node:events';
import { toFailure } from '@sealift/core';
import type { Invocation } from '../session/host.ts';

/** A daemon that has started. */
export interface Running {
  addresses: Record<string, string>;
  /** Resolves when it has ended by itself; never, when it only ends on request. */
  ended?: Promise<unknown>;
  close(): Promise<void>;
}

/**
 * Runs a daemon until the invocation is ended from outside, which is its normal end: status 0. The process that
 * started this one is told when the daemon is ready, or why it is not.
 */
export async function runDaemon(invocation: Invocation, start: () => Promise<Running>): Promise<void> {
  const { host, signal } = invocation;
  const daemon = await start().catch((thrown) => {
    host.tellParent?.({ state: 'failed', failure: toFailure(thrown).toJSON() });
    throw thrown;
  });
  try {
    host.tellParent?.({ state: 'ready', addresses: daemon.addresses });
    if (!signal.aborted)
      await Promise.race([once(signal, 'abort'), ...(daemon.ended === undefined ? [] : [daemon.ended])]);
  } finally {
    await daemon.close();
  }
}
