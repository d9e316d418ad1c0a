import type { Readable, Writable } from 'node:stream';

/** The world a command runs in. */
export interface Host {
  env: Record<string, string | undefined>;
  cwd: string;
  stdin: Readable & { isTTY?: boolean; setRawMode?(raw: boolean): unknown };
  stdout: Writable & { isTTY?: boolean };
  stderr: Writable & { isTTY?: boolean; columns?: number };
  /** Tells the process that started this one, where there is a channel to it. */
  tellParent?(message: ParentMessage): void;
}

/** What a daemon says to the process that started it. */
export type ParentMessage =
  | { state: 'ready'; addresses: Record<string, string> }
  | { state: 'failed'; failure: { code: string; kind: string; message: string; advice: string } };

/** One call of the command: where it runs, what ends it, and how it ended. */
export interface Invocation {
  host: Host;
  signal: AbortSignal;
  /** Set by an action that ends other than with 0 without failing. */
  exitCode: number;
}

/** A line for people on standard error; takes the place of a progress line that may stand there. */
export function say({ host }: Invocation, text: string): void {
  host.stderr.write(`${host.stderr.isTTY === true ? '\r\u001b[K' : ''}${text}\n`);
}
