/**
 * What a caller may do about a failure. Retry logic reads this, never the text.
 *
 * - `retry`: the same call may succeed later (network, peer restarting, disk full until space is made)
 * - `corrupt`: stored or received bytes are not what they must be
 * - `refused`: a rule, a limit or bad input stands against it; trying again changes nothing
 * - `bug`: our own mistake
 */
export type FailureKind = 'retry' | 'corrupt' | 'refused' | 'bug';

export interface FailureOptions {
  /** What the reader should do next, one sentence. */
  advice?: string;
  cause?: unknown;
}

/** The one error class of the product: `message` says what happened and to what, `advice` what to do next. */
export class Failure extends Error {
  readonly code: string;
  readonly kind: FailureKind;
  readonly advice: string;

  constructor(code: string, kind: FailureKind, message: string, options: FailureOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'Failure';
    this.code = code;
    this.kind = kind;
    this.advice = options.advice ?? '';
  }

  /** A plain copy that crosses worker and process boundaries. */
  toJSON(): FailureRecord {
    return { code: this.code, kind: this.kind, message: this.message, advice: this.advice };
  }
}

export interface FailureRecord {
  code: string;
  kind: FailureKind;
  message: string;
  advice: string;
}

export function failureFromRecord(record: FailureRecord): Failure {
  return new Failure(record.code, record.kind, record.message, { advice: record.advice });
}

/** Every code of a package with its kind and its advice, in one place, documented by being read. */
export type FailureCatalogue = Record<string, { kind: FailureKind; advice: string }>;

/** Makes the function with which a package builds its failures: `fail('wrong-password', 'what happened')`. */
export function failuresOf<const C extends FailureCatalogue>(catalogue: C) {
  return (code: keyof C & string, message: string, options: FailureOptions = {}): Failure => {
    const entry = catalogue[code] as C[keyof C & string];
    return new Failure(code, entry.kind, message, { advice: entry.advice, ...options });
  };
}

const SYSTEM_FAILURES: Record<string, { kind: FailureKind; code: string; advice: string }> = {
  ENOSPC: { kind: 'refused', code: 'disk-full', advice: 'Free some space on that filesystem, then run the job again.' },
  EDQUOT: { kind: 'refused', code: 'disk-full', advice: 'Raise the quota or free some space, then run the job again.' },
  EACCES: { kind: 'refused', code: 'permission-denied', advice: 'Check owner and mode, or run as a user that may.' },
  EPERM: { kind: 'refused', code: 'permission-denied', advice: 'Check owner and mode, or run as a user that may.' },
  EROFS: { kind: 'refused', code: 'read-only', advice: 'Make the filesystem writable or choose another place.' },
  ENOENT: { kind: 'refused', code: 'not-found', advice: 'Check the spelling of the path.' },
  EIO: { kind: 'corrupt', code: 'io-error', advice: 'Check the disk (dmesg, SMART) before trusting it further.' },
  EADDRINUSE: {
    kind: 'refused',
    code: 'port-in-use',
    advice: 'Stop the program that holds the port or choose another.',
  },
  ECONNREFUSED: { kind: 'retry', code: 'unreachable', advice: 'Check that the other side is running and reachable.' },
  ECONNRESET: { kind: 'retry', code: 'disconnected', advice: 'Check the network between the two machines.' },
  EPIPE: { kind: 'retry', code: 'disconnected', advice: 'Check the network between the two machines.' },
  ETIMEDOUT: { kind: 'retry', code: 'unreachable', advice: 'Check the network between the two machines.' },
  ENOTFOUND: { kind: 'retry', code: 'unreachable', advice: 'Check the host name and the name server.' },
  EHOSTUNREACH: { kind: 'retry', code: 'unreachable', advice: 'Check the network between the two machines.' },
};

/** Turns whatever was thrown into a Failure: system errors by their errno, the rest as `bug`. */
export function toFailure(thrown: unknown): Failure {
  if (thrown instanceof Failure) return thrown;
  // Letting go of something failed as well, mostly for the same reason: the first failure is the one to be told.
  if (thrown instanceof SuppressedError) return toFailure(thrown.suppressed);
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  const errno = (thrown as NodeJS.ErrnoException | undefined)?.code;
  const known = errno === undefined ? undefined : SYSTEM_FAILURES[errno];
  if (known !== undefined) return new Failure(known.code, known.kind, message, { advice: known.advice, cause: thrown });
  return new Failure('internal', 'bug', message, {
    advice: 'This is a defect of Sealift: please report it with the log around it.',
    cause: thrown,
  });
}
