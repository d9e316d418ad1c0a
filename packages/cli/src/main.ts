import { finished } from 'node:stream/promises';
import { fail } from './failures.ts';
import { runCli } from './run-cli.ts';
import type { Host } from './session/host.ts';
import { onParentGone } from './session/parent.ts';

const ENDING_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * The process around the command: signals, the channel to the parent, the exit status. A signal that arrives twice
 * (from the terminal and passed on by npm) is one request to end.
 */
export async function main(): Promise<void> {
  const controller = new AbortController();
  for (const name of ENDING_SIGNALS) {
    process.on(name, () => controller.abort(fail('interrupted', `ended by ${name}`)));
  }
  onParentGone(process.env, () => {
    controller.abort(fail('interrupted', 'the process that started this one is gone'));
  });
  process.stdout.on('error', endOnClosedPipe);
  process.stderr.on('error', endOnClosedPipe);
  const code = await runCli(process.argv.slice(2), processHost(), controller.signal);
  await Promise.all([flushed(process.stdout), flushed(process.stderr)]);
  process.exit(code);
}

function processHost(): Host {
  const { stdin, stdout, stderr, env } = process;
  const host: Host = { env, cwd: process.cwd(), stdin, stdout, stderr };
  if (process.send !== undefined) host.tellParent = (message) => void process.send?.(message);
  return host;
}

/** `sealift run list | head`: the reader has seen enough. */
function endOnClosedPipe(error: NodeJS.ErrnoException): void {
  if (error.code === 'EPIPE') process.exit(0);
}

async function flushed(stream: NodeJS.WriteStream): Promise<void> {
  if (stream.writableLength === 0) return;
  await Promise.race([finished(stream), new Promise<void>((resolve) => stream.write('', () => resolve()))]);
}
