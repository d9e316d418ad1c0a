import { type ChildProcess, spawn } from 'node:child_process';
import { open, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { type Failure, type FailureRecord, failureFromRecord } from '@sealift/core';
import { DAEMON_ENVIRONMENT, DAEMON_NODE_FLAGS } from '../daemon-memory.ts';
import { fail } from '../failures.ts';
import type { ParentMessage } from '../session/host.ts';

const COMMAND = fileURLToPath(new URL('../../bin/sealift.mjs', import.meta.url));
/** Time a daemon has to finish after SIGTERM before it is killed, ms. */
const STOP_PATIENCE = 10_000;
const START_PATIENCE = 60_000;
const LOG_TAIL = 2000;

export interface DaemonOptions {
  name: string;
  args: string[];
  /** Added to the environment of this process. */
  env: Record<string, string>;
  logFile: string;
}

export interface Daemon extends AsyncDisposable {
  name: string;
  pid: number;
  /** Where it listens, as it said when it was ready. */
  addresses: Record<string, string>;
  /** Rejects when the daemon ends without having been asked to; never resolves. */
  unexpectedEnd: Promise<never>;
}

/**
 * Starts `sealift … serve` as a child in a process group of its own, so that Ctrl-C reaches only this process, which
 * ends its children in order. The channel between the two is the child's life-line: when this process is gone, even
 * by SIGKILL, the channel closes and the child ends itself.
 */
export async function startDaemon(options: DaemonOptions, signal: AbortSignal): Promise<Daemon> {
  signal.throwIfAborted();
  await using log = await open(options.logFile, 'a', 0o600);
  const child = spawn(process.execPath, [...DAEMON_NODE_FLAGS, COMMAND, ...options.args], {
    detached: true,
    env: { ...process.env, ...DAEMON_ENVIRONMENT, ...options.env },
    stdio: ['ignore', log.fd, log.fd, 'ipc'],
  });
  const life = watch(child);
  try {
    const addresses = await readiness(child, life.exit, options, signal);
    return {
      name: options.name,
      pid: child.pid as number,
      addresses,
      unexpectedEnd: rejectOnEnd(life, options),
      [Symbol.asyncDispose]: () => stop(child, life),
    };
  } catch (thrown) {
    await stop(child, life);
    throw thrown;
  }
}

interface Life {
  /** Resolves to how it ended: 'exit status 1', 'SIGKILL'. */
  exit: Promise<string>;
  stopping: boolean;
}

function watch(child: ChildProcess): Life {
  const { promise, resolve } = Promise.withResolvers<string>();
  child.once('exit', (code, signal) => resolve(signal ?? `exit status ${code}`));
  child.once('error', (error) => resolve(error.message));
  return { exit: promise, stopping: false };
}

async function readiness(child: ChildProcess, exit: Promise<string>, options: DaemonOptions, signal: AbortSignal) {
  const { promise, resolve, reject } = Promise.withResolvers<Record<string, string>>();
  const onMessage = (message: ParentMessage) => {
    if (message.state === 'ready') resolve(message.addresses);
    else reject(startFailure(options.name, failureFromRecord(message.failure as FailureRecord)));
  };
  const onAbort = () => reject(signal.reason);
  const timer = setTimeout(() => {
    reject(
      fail(
        'daemon-ended',
        `the ${options.name} is not ready after ${START_PATIENCE / 1000} s; its log: ${options.logFile}`,
      ),
    );
  }, START_PATIENCE);
  child.on('message', onMessage);
  signal.addEventListener('abort', onAbort, { once: true });
  void exit.then(async (how) => reject(await endFailure(options, how)));
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    child.off('message', onMessage);
    signal.removeEventListener('abort', onAbort);
  }
}

function startFailure(name: string, failure: Failure): Failure {
  const advice =
    failure.code === 'port-in-use'
      ? 'End the program that holds the port, or choose other ports with --port (it and the four after it).'
      : failure.advice;
  return fail('daemon-ended', `the ${name} did not start: ${failure.message}`, { advice, cause: failure });
}

async function endFailure(options: DaemonOptions, how: string): Promise<Failure> {
  const tail = (await readFile(options.logFile, 'utf8').catch(() => '')).slice(-LOG_TAIL).trimEnd();
  const last = tail.split('\n').slice(-5).join('\n');
  return fail('daemon-ended', `the ${options.name} ended by itself (${how}); the end of ${options.logFile}:\n${last}`);
}

function rejectOnEnd(life: Life, options: DaemonOptions): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>();
  // Whoever waits for something else learns of it from the race; nobody waiting is no error of this process.
  promise.catch(() => {});
  void life.exit.then(async (how) => {
    if (!life.stopping) reject(await endFailure(options, how));
  });
  return promise;
}

async function stop(child: ChildProcess, life: Life): Promise<void> {
  life.stopping = true;
  if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_PATIENCE);
  await life.exit;
  clearTimeout(timer);
}
