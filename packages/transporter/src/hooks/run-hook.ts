import { type ChildProcess, spawn } from 'node:child_process';
import { toFailure } from '@sealift/core';
import { fail } from '../failures.ts';

/** Time between asking a hook to end and ending it, ms. */
const GRACE_MS = 2_000;
const MOST_OUTPUT = 2_000;

export interface HookRun {
  /** Absolute path of the program. */
  path: string;
  /** Longest time it may take, ms. */
  limit: number;
  /** Beside PATH, what it is told. */
  environment: Record<string, string>;
}

/**
 * Runs a hook to its end. One that takes too long or is not wanted any more is ended with everything that it has started
 * and that is still in its process group.
 *
 * @returns what it took, ms @throws Failure `hook-failed` with the end of what it said; the reason of `signal`
 */
export async function runHook({ path, limit, environment }: HookRun, signal?: AbortSignal): Promise<number> {
  signal?.throwIfAborted();
  const began = performance.now();
  const env = { PATH: process.env.PATH ?? '/usr/sbin:/usr/bin:/sbin:/bin', ...environment };
  const child = spawn(path, [], { cwd: '/', env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  const said = listen(child);
  const late = AbortSignal.timeout(limit);
  const stop = signal === undefined ? late : AbortSignal.any([late, signal]);
  const end = await endOf(child, stop);
  // What it has left running in the background may hold these open for ever.
  child.stdout.destroy();
  child.stderr.destroy();
  signal?.throwIfAborted();
  if (late.aborted) throw fail('hook-failed', `${path} was ended, for it took longer than ${limit / 1000} s${said()}`);
  if (end !== '') throw fail('hook-failed', `${path} ${end}${said()}`);
  return performance.now() - began;
}

/** How it ended; empty: well. */
async function endOf(child: ChildProcess, stop: AbortSignal): Promise<string> {
  const ended = new Promise<string>((resolve) => {
    child.once('error', (thrown) => resolve(`could not be started: ${toFailure(thrown).message}`));
    child.once('exit', (code, killer) => resolve(code === 0 ? '' : `ended with ${killer ?? `status ${code}`}`));
  });
  let grace: NodeJS.Timeout | undefined;
  const onStop = () => {
    killGroup(child, 'SIGTERM');
    grace = setTimeout(() => killGroup(child, 'SIGKILL'), GRACE_MS);
  };
  if (stop.aborted) onStop();
  else stop.addEventListener('abort', onStop, { once: true });
  try {
    return await ended;
  } finally {
    stop.removeEventListener('abort', onStop);
    clearTimeout(grace);
    // It may have ended on being asked, and what it started not.
    if (stop.aborted) killGroup(child, 'SIGKILL');
  }
}

function killGroup({ pid }: ChildProcess, signal: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== 'ESRCH') throw thrown;
  }
}

/** Keeps the end of what it says. */
function listen(child: ChildProcess): () => string {
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (more: string) => {
      text = (text + more).slice(-MOST_OUTPUT);
    });
  }
  return () => (text.trim() === '' ? '.' : `: ${text.trim().slice(-MOST_OUTPUT)}`);
}
