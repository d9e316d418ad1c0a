import { type Failure, toFailure } from '@sealift/core';
import { harmless } from './output/printable.ts';

/** What the exit status of every command means. */
export const EXIT = {
  done: 0,
  failed: 1,
  usage: 2,
  /** Finished, but some file was unreadable, skipped or damaged; each was named. */
  warnings: 3,
  notPermitted: 4,
  interrupted: 130,
} as const;

const BY_CODE: Record<string, number> = {
  usage: EXIT.usage,
  configuration: EXIT.usage,
  'bandwidth-invalid': EXIT.usage,
  interrupted: EXIT.interrupted,
  unauthorized: EXIT.notPermitted,
  forbidden: EXIT.notPermitted,
};

export function exitCodeOf(thrown: unknown): number {
  return BY_CODE[toFailure(thrown).code] ?? EXIT.failed;
}

/** Exit status of a command that waited for a run, by the state the run ended in. */
export function exitCodeOfRun(state: string): number {
  if (state === 'done') return EXIT.done;
  if (state === 'warnings') return EXIT.warnings;
  return EXIT.failed;
}

/** What happened, what to do next, and the code to search for. */
export function explain(failure: Failure): string {
  const lines = failure.message.split('\n').map(harmless).join('\n  ');
  const advice = failure.advice === '' ? '' : `\n  ${harmless(failure.advice)}`;
  return `sealift: ${lines}${advice}\n  (${failure.code})\n`;
}
