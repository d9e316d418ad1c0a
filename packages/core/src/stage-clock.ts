/**
 * What threads spend their time on. `send` and `receive` are the in-flight encryption of messages; `send` is TLS and the
 * way into the operating system besides. `open` is decryption, decompression and the check of the id of a stored chunk.
 */
export const STAGES = [
  'walk',
  'read',
  'chunk',
  'hash',
  'compress',
  'encrypt',
  'send',
  'receive',
  'verify',
  'open',
  'write',
  'sync',
] as const;
export type Stage = (typeof STAGES)[number];

/** Milliseconds of all threads together. */
export type StageTimes = Record<Stage, number>;

/** More threads than one run has. */
const ROWS = 300;
/** The number of rows taken stands before the rows, in the place of one. */
const FIRST_ROW = 1;

/**
 * Adds up where the time of several threads goes, in memory that they share: one row a thread, so that no thread waits
 * for another or ever loses a count.
 */
export class StageClock {
  /** To be given to another thread, which makes its clock of it. */
  readonly memory: SharedArrayBuffer;
  readonly #row: Float64Array;

  constructor(memory = new SharedArrayBuffer((FIRST_ROW + ROWS) * STAGES.length * 8)) {
    this.memory = memory;
    const row = FIRST_ROW + (Atomics.add(new Int32Array(memory, 0, 1), 0, 1) % ROWS);
    this.#row = new Float64Array(memory, row * STAGES.length * 8, STAGES.length);
  }

  time<T>(stage: Stage, work: () => T): T {
    const start = performance.now();
    try {
      return work();
    } finally {
      this.add(stage, performance.now() - start);
    }
  }

  /** As `time`, for work that others do meanwhile: the time until it is done. */
  async timeUntil<T>(stage: Stage, work: () => Promise<T>): Promise<T> {
    const start = performance.now();
    try {
      return await work();
    } finally {
      this.add(stage, performance.now() - start);
    }
  }

  add(stage: Stage, milliseconds: number): void {
    const at = STAGES.indexOf(stage);
    this.#row[at] = (this.#row[at] as number) + milliseconds;
  }

  /** Of all threads since the beginning. */
  times(): StageTimes {
    const all = new Float64Array(this.memory, FIRST_ROW * STAGES.length * 8);
    const sums = STAGES.map((stage, at) => {
      let sum = 0;
      for (let i = at; i < all.length; i += STAGES.length) sum += all[i] as number;
      return [stage, sum] as const;
    });
    return Object.fromEntries(sums) as StageTimes;
  }
}
