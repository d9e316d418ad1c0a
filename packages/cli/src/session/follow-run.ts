import { setTimeout as sleep } from 'node:timers/promises';
import { retrying } from '@sealift/core';
import type { RestClient, RunResource } from '@sealift/wire';
import { showPath } from '../output/entry-path.ts';
import { harmless } from '../output/printable.ts';
import { type Position, progressLine } from '../output/progress.ts';
import { affectedLines } from '../output/report.ts';
import { subjectName } from '../output/subject.ts';
import { formatBytes } from '../output/units.ts';
import { type Invocation, say } from './host.ts';

/** Pause between two looks at a run, ms. */
const LOOK_EVERY = 400;
/** A Director that restarts is waited for this long, ms. */
const PATIENCE = 120_000;

export function hasEnded(run: RunResource): boolean {
  return run.state !== 'queued' && run.state !== 'running';
}

/**
 * Waits for the end of a run and shows its progress on a terminal. Looks again and again instead of holding a stream,
 * so that a restart of the Director in between is only a pause. `onChange` is given each state that differs.
 */
export async function followRun(
  invocation: Invocation,
  director: RestClient,
  runId: string,
  onChange: (run: RunResource) => void = () => {},
): Promise<RunResource> {
  const { signal } = invocation;
  let seen = '';
  const policy = { firstDelay: LOOK_EVERY, longestDelay: 3000, patience: PATIENCE };
  const look = () => retrying(() => director.call('getRun', { params: { id: runId } }, signal), policy, signal);
  let run = await look();
  using line = progressLine(invocation.host, subjectName(run));
  for (;;) {
    const state = JSON.stringify(run);
    if (state !== seen) onChange(run);
    seen = state;
    if (hasEnded(run)) return run;
    line.show(positionOf(run));
    await sleep(LOOK_EVERY, undefined, { signal });
    run = await look();
  }
}

function positionOf(run: RunResource): Position {
  const { progress } = run;
  if (progress === undefined) return { phase: run.state, done: 0, note: run.reason };
  const total = progress.bytesTotal;
  const sent = run.kind === 'backup' ? `sent ${formatBytes(progress.bytesSent)}` : undefined;
  return { phase: progress.phase, done: progress.bytesRead, total, files: progress.files, note: run.reason ?? sent };
}

/** Names on standard error what a run skipped or found damaged, and why it failed. */
export async function tellProblems(invocation: Invocation, director: RestClient, run: RunResource): Promise<void> {
  let told = 0;
  if (run.warnings > 0) {
    for await (const warning of director.list('listWarnings', { params: { id: run.id } }, invocation.signal)) {
      say(invocation, `warning: ${showPath(warning)}: ${harmless(warning.message)} (${warning.code})`);
      told++;
    }
  }
  if (run.warnings > told) say(invocation, `and ${run.warnings - told} more warnings`);
  for (const line of affectedLines(run.report)) say(invocation, line);
  if (run.failure !== undefined) {
    const { message, advice, code } = run.failure;
    say(invocation, `the run ended as ${run.state}: ${harmless(message)}\n  ${harmless(advice)}\n  (${code})`);
  }
}
