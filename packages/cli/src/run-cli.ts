import { toFailure } from '@sealift/core';
import { CommanderError } from 'commander';
import { EXIT, exitCodeOf, explain } from './exit-codes.ts';
import { buildProgram } from './program.ts';
import type { Host, Invocation } from './session/host.ts';

/** Runs one command line; resolves to its exit status after saying on standard error what went wrong, if anything. */
export async function runCli(argv: string[], host: Host, signal: AbortSignal): Promise<number> {
  const invocation: Invocation = { host, signal, exitCode: EXIT.done };
  try {
    await buildProgram(invocation).parseAsync(argv, { from: 'user' });
    return invocation.exitCode;
  } catch (thrown) {
    if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? EXIT.done : EXIT.usage;
    const failure = toFailure(signal.aborted ? signal.reason : thrown);
    host.stderr.write(explain(failure));
    return exitCodeOf(failure);
  }
}
