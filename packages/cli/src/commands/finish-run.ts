import type { RestClient, RunResource } from '@sealift/wire';
import { EXIT, exitCodeOfRun } from '../exit-codes.ts';
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
  let ended = await waitFor(invocation, director, run.id);
  let warned = ended.state === 'warnings';
  // A copy may go on in further runs; as a document only the last is printed.
  while (ended.continuedBy !== undefined) {
    if (options.json !== true) invocation.host.stdout.write(formatRun(ended));
    ended = await waitFor(invocation, director, ended.continuedBy);
    warned ||= ended.state === 'warnings';
  }
  const last = ended;
  printResult(invocation, options.json, last, () => formatRun(last));
  invocation.exitCode = warned && last.state === 'done' ? EXIT.warnings : exitCodeOfRun(last.state);
}

async function waitFor(invocation: Invocation, director: RestClient, runId: string): Promise<RunResource> {
  try {
    const ended = await followRun(invocation, director, runId);
    await tellProblems(invocation, director, ended);
    return ended;
  } catch (thrown) {
    if (invocation.signal.aborted) say(invocation, `the run goes on; to end it: sealift run cancel ${runId}`);
    throw thrown;
  }
}
