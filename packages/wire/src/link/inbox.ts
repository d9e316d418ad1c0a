import type { Failure } from '@sealift/core';
import { RECEIVE_HIGH_WATER, RECEIVE_LOW_WATER } from './limits.ts';

/** One received record, as the fragments in which it came. */
export type Frame = Buffer[];

/** Counted for each waiting record beside its bytes, so that tiny ones are bounded too: to 16,384 of them. */
const OVERHEAD = 4096;

/**
 * Records that have arrived and are not yet taken, for one reader. Records that came before the connection
 * failed are still handed out, since each may acknowledge something; `discard` drops them.
 */
export class Inbox {
  readonly #flow: { pause(): void; resume(): void };
  readonly #frames: Frame[] = [];
  #bytes = 0;
  #paused = false;
  #failure: Failure | undefined;
  #wake: (() => void) | undefined;

  constructor(flow: { pause(): void; resume(): void }) {
    this.#flow = flow;
  }

  add(frame: Frame): void {
    if (this.#failure !== undefined) return;
    this.#frames.push(frame);
    this.#bytes += weight(frame);
    if (!this.#paused && this.#bytes >= RECEIVE_HIGH_WATER) {
      this.#paused = true;
      this.#flow.pause();
    }
    this.#wake?.();
  }

  /** The next record in order. Fails once there is none left and there will be no more. */
  async take(): Promise<Frame> {
    for (;;) {
      const frame = this.#frames.shift();
      if (frame !== undefined) {
        this.#taken(frame);
        return frame;
      }
      if (this.#failure !== undefined) throw this.#failure;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  fail(failure: Failure): void {
    this.#failure ??= failure;
    this.#wake?.();
  }

  discard(): void {
    this.#frames.length = 0;
    this.#bytes = 0;
  }

  #taken(frame: Frame): void {
    this.#bytes -= weight(frame);
    if (this.#paused && this.#bytes <= RECEIVE_LOW_WATER) {
      this.#paused = false;
      this.#flow.resume();
    }
  }
}

function weight(frame: Frame): number {
  return frame.reduce((sum, part) => sum + part.length, OVERHEAD);
}
