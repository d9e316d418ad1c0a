import { StageClock } from '@sealift/core';
import { ThreadPool } from '../threads/pool.ts';
import type { TargetWorkerMethods } from './target-messages.ts';

export type TargetPool = ThreadPool<TargetWorkerMethods, Record<string, never>>;

/**
 * Starts the threads in which a target checks what it receives; one pool serves all sessions of a Transporter.
 *
 * @param clock told how long that takes
 */
export function createTargetWorkers(size: number, clock = new StageClock()): TargetPool {
  return new ThreadPool(new URL('./target-worker.ts', import.meta.url), size, clock.memory, {});
}
