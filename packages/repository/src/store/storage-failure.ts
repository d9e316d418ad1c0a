import { Failure, toFailure } from '@sealift/core';
import { fail } from '../failures.ts';

/** Names the path, which the errors of the operating system leave out for open files, and what was being done to it. */
export function storageFailure(thrown: unknown, doing: string, path: string): Failure {
  if (thrown instanceof Failure) return thrown;
  const known = toFailure(thrown);
  const message = `${doing} ${path} failed: ${known.message}.`;
  if (known.code === 'internal') return fail('storage-error', message, { cause: thrown });
  if (known.code === 'not-found') return fail('file-missing', message, { cause: thrown });
  return new Failure(known.code, known.kind, message, { advice: known.advice, cause: thrown });
}

/** The errno of a system error, for the cases that are no failure. */
export function errnoOf(thrown: unknown): string | undefined {
  return (thrown as NodeJS.ErrnoException | undefined)?.code;
}
