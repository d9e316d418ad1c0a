import { Failure } from '@sealift/core';
import type { FileProblem } from './thread-messages.ts';

const SOURCE_CODES: ReadonlySet<string> = new Set(['vanished', 'changed', 'unreadable']);

/** Why a file could not be read, for the warning that names it; undefined if it is not the file's fault. */
export function problemOf(thrown: unknown): FileProblem | undefined {
  const { code, message, syscall } = thrown as NodeJS.ErrnoException;
  if (thrown instanceof Failure && SOURCE_CODES.has(thrown.code)) {
    return { code: thrown.code as FileProblem['code'], message };
  }
  if (syscall === undefined) return undefined;
  if (code === 'ENOENT') return { code: 'vanished', message: 'it vanished while the backup was running' };
  if (code === 'ELOOP') return { code: 'changed', message: 'it was replaced by a symbolic link' };
  return { code: 'unreadable', message };
}
