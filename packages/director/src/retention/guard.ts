/** What a run of a job cost, as its source told. Bytes. */
export interface RunFigures {
  /** Of everything its recovery point protects. */
  protectedBytes: number;
  /** Plaintext of the chunks that the target lacked. */
  newBytes: number;
  /** What they took, compressed and encrypted. */
  storedBytes: number;
}

/** Runs that a new one is compared with, the latest. */
export const HISTORY = 30;
/** With fewer earlier points nobody can say what is usual. */
const LEAST_HISTORY = 3;
/** Less than that may change in any way, bytes. */
const LEAST_CHANGE = 1024 * 1024;
/** Part of what is protected that must have changed to be called sudden, or to be judged by how it compresses. */
const LEAST_PART = 0.2;
const LEAST_PART_INCOMPRESSIBLE = 0.05;
/** Deviations from the median beyond which a run is unusual: for a normal distribution one in many millions. */
const DEVIATIONS = 6;
/** And at the least so many times the median. */
const TIMES = 4;
/** Stored size of one byte of encrypted or compressed data is about 1. */
const INCOMPRESSIBLE = 0.95;
/** The least rise of that ratio: kinds of files change a little from day to day. */
const LEAST_RISE = 0.15;
/** Turns the median absolute deviation into the standard deviation of a normal distribution. */
const NORMAL = 1.4826;

/**
 * What is suspicious in a run, in words; empty when nothing is. `history` are the earlier runs of the job, newest first.
 *
 * Files that are encrypted by an attacker are new to the target, all of them at once, and do not compress. Both are
 * compared with the job's own past by median and median absolute deviation, which a few odd runs do not move.
 */
export function suspicions(run: RunFigures, history: RunFigures[]): string[] {
  if (history.length < LEAST_HISTORY || run.protectedBytes === 0 || run.newBytes < LEAST_CHANGE) return [];
  return [suddenChange(run, history), incompressible(run, history)].filter((found) => found !== undefined);
}

function suddenChange({ newBytes, protectedBytes }: RunFigures, history: RunFigures[]): string | undefined {
  const part = newBytes / protectedBytes;
  // The first run of a job stores everything, and says nothing of what changes from run to run.
  const usual = history.length > LEAST_HISTORY ? history.slice(0, -1) : history;
  const { median, deviation } = spread(usual.map((past) => past.newBytes));
  if (part < LEAST_PART || newBytes <= Math.max(TIMES * median, median + DEVIATIONS * deviation)) return undefined;
  return `${mebibytes(newBytes)} of ${mebibytes(protectedBytes)} (${percent(part)}) changed at once; the median of ${usual.length} runs before is ${mebibytes(median)}`;
}

function incompressible({ newBytes, storedBytes, protectedBytes }: RunFigures, history: RunFigures[]) {
  const ratio = storedBytes / newBytes;
  const telling = history.filter((past) => past.newBytes >= LEAST_CHANGE / 16);
  if (newBytes / protectedBytes < LEAST_PART_INCOMPRESSIBLE || ratio < INCOMPRESSIBLE || telling.length === 0) {
    return undefined;
  }
  const { median, deviation } = spread(telling.map((past) => past.storedBytes / past.newBytes));
  if (ratio <= median + Math.max(LEAST_RISE, DEVIATIONS * deviation)) return undefined;
  return `what changed does not compress (to ${percent(ratio)} of its size); the median of ${telling.length} runs before is ${percent(median)}`;
}

function spread(values: number[]): { median: number; deviation: number } {
  const median = medianOf(values);
  return { median, deviation: NORMAL * medianOf(values.map((value) => Math.abs(value - median))) };
}

function medianOf(values: number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? 0;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? upper) + upper) / 2;
}

function mebibytes(bytes: number): string {
  return `${(bytes / 1024 / 1024).toFixed(1)} MiB`;
}

function percent(part: number): string {
  return `${Math.round(part * 100)} %`;
}
