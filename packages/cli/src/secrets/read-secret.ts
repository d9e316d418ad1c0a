import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { fail } from '../failures.ts';
import type { Host, Invocation } from '../session/host.ts';
import { promptHidden } from './prompt.ts';

/** Longest secret taken, bytes; whoever pipes a disk image into a password gets an answer at once. */
const LONGEST = 4096;

export interface SecretRequest {
  /** What is asked for, as the prompt names it: 'Encryption password'. */
  label: string;
  /** A file, or `-` for standard input; a prompt when missing. */
  file?: string | undefined;
  /** Ask twice, as for a password that is being set. */
  confirm?: boolean;
}

/** A password or token from a file, standard input, or a prompt without echo; never from the command line. */
export async function readSecret(invocation: Invocation, request: SecretRequest): Promise<string> {
  const { host } = invocation;
  if (request.file === '-') return checked(request.label, await readAll(host.stdin));
  if (request.file !== undefined) {
    return checked(request.label, await readFile(resolve(host.cwd, request.file), { encoding: 'utf8' }));
  }
  if (host.stdin.isTTY !== true) throw fail('no-terminal', `${request.label}: standard input is not a terminal`);
  const first = checked(request.label, await promptHidden(host, `${request.label}: `, invocation.signal));
  if (request.confirm !== true) return first;
  const second = await promptHidden(host, `${request.label} again: `, invocation.signal);
  if (second !== first) throw fail('secret-refused', `${request.label}: the two entries differ`);
  return first;
}

async function readAll(stdin: Host['stdin']): Promise<string> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of stdin) {
    parts.push(Buffer.from(part));
    size += parts.at(-1)?.length ?? 0;
    if (size > LONGEST) break;
  }
  return Buffer.concat(parts).toString('utf8');
}

/** One line end belongs to the file, not to the secret. */
function checked(label: string, text: string): string {
  const secret = text.replace(/\r?\n$/, '');
  if (secret === '') throw fail('secret-refused', `${label}: it is empty`);
  if (Buffer.byteLength(secret) > LONGEST) throw fail('secret-refused', `${label}: longer than ${LONGEST} bytes`);
  if (secret.includes('\n')) throw fail('secret-refused', `${label}: it must be a single line`);
  return secret;
}
