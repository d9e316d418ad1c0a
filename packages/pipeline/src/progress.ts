import { StageClock } from '@sealift/core';
import { MAX_NOTE, MAX_NOTES, type Progress } from '@sealift/wire';

/** Something that was skipped or damaged: the rest goes on. */
export interface PathWarning {
  path: Buffer;
  code: string;
  message: string;
}

type Count =
  | 'files'
  | 'filesUnchanged'
  | 'bytesUnchanged'
  | 'bytesRead'
  | 'bytesNew'
  | 'bytesSent'
  | 'bytesStored'
  | 'reconnects';

const REPORT_EVERY_MS = 1000;

/** Counts what a run does, and tells once a second. */
export class ProgressMeter implements Disposable {
  /** For the threads of the run. */
  readonly clock = new StageClock();
  readonly #report: (progress: Progress) => void;
  readonly #onWarning: (warning: PathWarning) => void;
  readonly #timer: NodeJS.Timeout;
  readonly #progress: Progress;
  readonly #notes: string[] = [];
  #notesLeft = 0;
  #shown = (warning: PathWarning) => warning;

  constructor(
    phase: Progress['phase'],
    report: (progress: Progress) => void,
    onWarning: (warning: PathWarning) => void,
  ) {
    this.#progress = {
      phase,
      files: 0,
      bytesRead: 0,
      bytesNew: 0,
      bytesSent: 0,
      bytesStored: 0,
      reconnects: 0,
      warnings: 0,
    };
    this.#report = report;
    this.#onWarning = onWarning;
    this.#timer = setInterval(() => this.#report(this.now()), REPORT_EVERY_MS);
  }

  get warnings(): number {
    return this.#progress.warnings;
  }

  add(count: Count, amount: number): void {
    this.#progress[count] = (this.#progress[count] ?? 0) + amount;
  }

  set(count: Count, value: number): void {
    this.#progress[count] = value;
  }

  /** Bytes to be processed in all, once that is known. */
  total(bytes: number): void {
    this.#progress.bytesTotal = bytes;
  }

  phase(phase: Progress['phase']): void {
    this.#progress.phase = phase;
  }

  /** How the paths of warnings are to be told from now on. */
  showAs(shown: (warning: PathWarning) => PathWarning): void {
    this.#shown = shown;
  }

  warn(warning: PathWarning): void {
    this.#progress.warnings++;
    this.#onWarning(this.#shown(warning));
  }

  /** Something to be known beside warnings; those that find no room are counted. */
  note(text: string): void {
    if (this.#notes.length < MAX_NOTES - 1) this.#notes.push(text.slice(0, MAX_NOTE));
    else this.#notes[MAX_NOTES - 1] = `${++this.#notesLeft} more notes are left out.`;
  }

  now(): Progress {
    const times = Object.entries(this.clock.times()).filter(([, milliseconds]) => milliseconds > 0);
    const notes = this.#notes.length === 0 ? {} : { notes: [...this.#notes] };
    return { ...this.#progress, stages: Object.fromEntries(times), ...notes };
  }

  /** Ends the reports with a last one. */
  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    this.#report(this.now());
  }
}
