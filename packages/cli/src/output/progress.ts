import type { Host } from '../session/host.ts';
import { formatBytes, formatDuration, formatRate } from './units.ts';

/** How far something is. */
export interface Position {
  phase: string;
  done: number;
  /** Bytes in all, when known. */
  total?: number | undefined;
  files?: number | undefined;
  note?: string | undefined;
}

/** Weight of the newest sample in the rate: a few seconds of memory at one sample a second. */
const NEWEST = 0.3;

/** Smoothed speed and the time left, from positions as they arrive. */
export class Pace {
  #at: number | undefined;
  #done = 0;
  /** Bytes a second; undefined until two samples are in. */
  rate: number | undefined;

  /** `now` in ms on any steady clock. */
  sample(done: number, now: number): void {
    if (this.#at !== undefined && now > this.#at) {
      const current = (Math.max(0, done - this.#done) * 1000) / (now - this.#at);
      this.rate = this.rate === undefined ? current : this.rate * (1 - NEWEST) + current * NEWEST;
    }
    this.#at = now;
    this.#done = done;
  }

  /** Milliseconds left, or undefined when that cannot be said. */
  left(position: Position): number | undefined {
    if (position.total === undefined || this.rate === undefined || this.rate <= 0) return undefined;
    return (Math.max(0, position.total - position.done) * 1000) / this.rate;
  }
}

export function formatPosition(label: string, position: Position, pace: Pace): string {
  const left = pace.left(position);
  const parts = [
    `${label}: ${position.phase}`,
    position.files === undefined ? '' : `${position.files} files`,
    `${formatBytes(position.done)} of ${position.total === undefined ? 'unknown' : formatBytes(position.total)}`,
    pace.rate === undefined ? '' : formatRate(pace.rate, 1000),
    `ETA ${left === undefined ? 'unknown' : formatDuration(left)}`,
    position.note ?? '',
  ];
  return parts.filter((part) => part !== '').join('  ');
}

export interface ProgressLine extends Disposable {
  show(position: Position): void;
}

/** One line on standard error that is rewritten in place; silent when that is not a terminal. */
export function progressLine(host: Host, label: string): ProgressLine {
  const { stderr } = host;
  if (stderr.isTTY !== true) return { show: () => {}, [Symbol.dispose]: () => {} };
  const pace = new Pace();
  return {
    show(position) {
      pace.sample(position.done, performance.now());
      const text = formatPosition(label, position, pace).slice(0, Math.max(10, (stderr.columns || 80) - 1));
      stderr.write(`\r\u001b[K${text}`);
    },
    [Symbol.dispose]: () => void stderr.write('\r\u001b[K'),
  };
}
