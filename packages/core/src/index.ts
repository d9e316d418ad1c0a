export { BoundedQueue } from './bounded-queue.ts';
export { ByteCredit } from './byte-credit.ts';
export { collectYoungGarbage } from './collect-garbage.ts';
export {
  Failure,
  type FailureCatalogue,
  type FailureKind,
  type FailureOptions,
  type FailureRecord,
  failureFromRecord,
  failuresOf,
  toFailure,
} from './failure.ts';
export { orderedParallel } from './ordered-parallel.ts';
export { releaseMemory } from './release-memory.ts';
export { type RetryPolicy, retrying } from './retry.ts';
export { STAGES, type Stage, StageClock, type StageTimes } from './stage-clock.ts';
export { PRODUCT_VERSION } from './version.ts';
