import type { RestClient, RunResource } from '@sealift/wire';
import { exitCodeOfRun } from '../exit-codes.ts';
import { printResult } from '../output/document.ts';
import { formatRun } from '../output/run.ts';
import { followRun, tellProblems } from '../session/follow-run.ts';
import { type Invocation, say } from '../session/host.ts';

export interface WaitOptions {
  wait?: boolean;
  json?: boolean;
}

/** Ends a command that has queued a run: prints its id, or waits for it and takes its outcome as the exit status. */
export async function finishRun(
  invocation: Invocation,
  director: RestClient,
  run: RunResource,
  options: WaitOptions,
): Promise<void> {
  if (options.wait !== true) {
    printResult(invocation, options.json, run, () => `${run.id}\n`);
    return;
  }
  try {
    const ended = await followRun(invocation, director, run.id);
    await tellProblems(invocation, director, ended);
    printResult(invocation, options.json, ended, () => formatRun(ended));
    invocation.exitCode = exitCodeOfRun(ended.state);
  } catch (thrown) {
    if (invocation.signal.aborted) say(invocation, `the run goes on; to end it: sealift run cancel ${run.id}`);
    throw thrown;
  }
}
