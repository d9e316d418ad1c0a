import type { Warning } from '../entry.ts';
import { pathText } from '../path-text.ts';

/**
 * Not restored: `kept` (there already, and the overwrite rule keeps it), `in-the-way` (a folder where a file should be
 * or the reverse), `unsafe-path` (would leave the destination), `link-missing` (first name of a hard link is not
 * there), `special-skipped` (device node, socket, or without `special`), `not-written` (any other error).
 * Restored, but: `special-skipped` (setuid, setgid or capabilities left off), `owner-kept`, `attributes`.
 */
export type RestoreWarning = Warning<
  | 'kept'
  | 'in-the-way'
  | 'unsafe-path'
  | 'link-missing'
  | 'special-skipped'
  | 'not-written'
  | 'owner-kept'
  | 'attributes'
>;

export type OnRestoreWarning = (warning: RestoreWarning) => void;

/** Ends the restore of one entry; the writer turns it into a warning and goes on. */
export class NotRestored extends Error {
  readonly code: RestoreWarning['code'];

  constructor(code: RestoreWarning['code'], message: string) {
    super(message);
    this.code = code;
  }
}

/** Runs the work on one entry; what stands against it becomes a warning, a defect of ours goes on upwards. */
export function orWarn<T>(path: Buffer, onWarning: OnRestoreWarning, work: () => T): T | undefined {
  try {
    return work();
  } catch (thrown) {
    onWarning(warningOf(path, thrown));
    return undefined;
  }
}

export function restoreWarning(path: Buffer, code: RestoreWarning['code'], message: string): RestoreWarning {
  return { path, code, message: `${pathText(path)} ${message}` };
}

function warningOf(path: Buffer, thrown: unknown): RestoreWarning {
  if (thrown instanceof NotRestored) return restoreWarning(path, thrown.code, thrown.message);
  const { code, syscall } = thrown as NodeJS.ErrnoException;
  if (syscall === undefined) throw thrown;
  if (code === 'ELOOP' || code === 'ENOTDIR') {
    return restoreWarning(path, 'unsafe-path', 'is not restored: a folder above it is a link or no folder');
  }
  if (code === 'EISDIR') return restoreWarning(path, 'in-the-way', 'is not restored: a folder of that name is there');
  return restoreWarning(path, 'not-written', `is not restored: ${code} (${syscall})`);
}
