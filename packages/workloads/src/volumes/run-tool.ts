import { execFile } from 'node:child_process';
import { delimiter } from 'node:path';
import { promisify } from 'node:util';
import { fail } from '../failures.ts';

const PATIENCE_MS = 60_000;
const MOST_OUTPUT = 64 * 1024 * 1024;
/** Where the tools of administrators are, which a daemon need not have in its path. */
const SYSTEM_FOLDERS = ['/usr/local/sbin', '/usr/sbin', '/sbin'];

/** The environment for tools whose output is read: English, with the folders of administrators. */
export function toolEnvironment(): NodeJS.ProcessEnv {
  return { ...process.env, LC_ALL: 'C', PATH: [process.env.PATH ?? '', ...SYSTEM_FOLDERS].join(delimiter) };
}

/**
 * What a tool of the system prints when it looks at disks, volumes or filesystems.
 * @throws Failure `disk-tool-missing`, `disk-tool-failed` with what it said
 */
export async function runTool(program: string, args: string[], signal?: AbortSignal): Promise<string> {
  try {
    const options = { env: toolEnvironment(), timeout: PATIENCE_MS, maxBuffer: MOST_OUTPUT };
    const abort = signal === undefined ? {} : { signal };
    return (await promisify(execFile)(program, args, { ...options, ...abort })).stdout;
  } catch (thrown) {
    signal?.throwIfAborted();
    throw toolFailure(program, args, thrown);
  }
}

function toolFailure(program: string, args: string[], thrown: unknown): Error {
  const { code, killed, stderr, message } = thrown as NodeJS.ErrnoException & { killed?: boolean; stderr?: string };
  const options = { cause: thrown };
  if (code === 'ENOENT') return fail('disk-tool-missing', `${program} is not installed on this machine.`, options);
  const said = killed === true ? `it did not end within ${PATIENCE_MS / 1000} s` : (stderr?.trim() ?? '') || message;
  return fail('disk-tool-failed', `${[program, ...args].join(' ')}: ${said.slice(0, 1000)}`, options);
}
