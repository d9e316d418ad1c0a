import { fail } from '../failures.ts';
import { ERROR } from './protocol.ts';

/** Separate ranges that answers to one read may leave meanwhile; they come in order from every real server. */
const MOST_RANGES = 1024;

/** A range of an export and the bits that a metadata context gives it. */
export interface StatusExtent {
  /** Bytes. */
  length: number;
  /** `ALLOCATION` or `DIRTY` bits. */
  flags: number;
}

/** Answers to one request, as they come. */
export class PendingRequest {
  readonly done: Promise<void>;
  readonly command: string;
  readonly offset: number;
  readonly length: number;
  /** Of a read: where its bytes go. */
  readonly into: Buffer | undefined;
  /** Of a status request: extents by context. */
  readonly status = new Map<string, StatusExtent[]>();
  readonly #resolve: () => void;
  readonly #reject: (error: unknown) => void;
  /** Covered parts of a read: [from, to), sorted, apart from each other. */
  #covered: [from: number, to: number][] = [];
  #error: Error | undefined;

  constructor(command: string, offset: number, length: number, into?: Buffer) {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.done = promise;
    this.#resolve = resolve;
    this.#reject = reject;
    this.command = command;
    this.offset = offset;
    this.length = length;
    this.into = into;
  }

  /** The part of the buffer that a piece at `offset` of the export fills. @throws Failure `nbd-violation` */
  place(offset: number, length: number): Buffer {
    const from = offset - this.offset;
    if (this.into === undefined || length === 0 || from < 0 || from + length > this.into.length) {
      throw fail('nbd-violation', 'The NBD server sent bytes that were not asked for.');
    }
    this.#cover(from, from + length);
    return this.into.subarray(from, from + length);
  }

  /** The server could not do it; it may send more before it is finished with the request. */
  refuse(errno: number, message: string): void {
    const why = message === '' ? '' : `: ${message}`;
    const what = `${this.command} of ${this.length} bytes at ${this.offset}`;
    if (errno === ERROR.noSpace)
      this.#error ??= fail('nbd-no-space', `The NBD server has no space for a ${what}${why}.`);
    else this.#error ??= fail('nbd-error', `The NBD server failed a ${what} (error ${errno})${why}.`);
  }

  /** The server says it is finished. */
  finish(): void {
    if (this.#error === undefined && this.into !== undefined && !this.#isCovered(this.into.length)) {
      this.#error = fail('nbd-violation', 'The NBD server left out a part of what was read.');
    }
    if (this.#error === undefined) this.#resolve();
    else this.#reject(this.#error);
  }

  fail(error: unknown): void {
    this.#reject(error);
  }

  #isCovered(length: number): boolean {
    const [only] = this.#covered;
    return length === 0 || (this.#covered.length === 1 && only?.[0] === 0 && only[1] === length);
  }

  #cover(from: number, to: number): void {
    let at = this.#covered.length;
    while (at > 0 && (this.#covered[at - 1] as [number, number])[0] >= from) at--;
    const before = this.#covered[at - 1];
    const after = this.#covered[at];
    if ((before !== undefined && before[1] > from) || (after !== undefined && after[0] < to)) {
      throw fail('nbd-violation', 'The NBD server sent the same bytes twice.');
    }
    const joinsBefore = before?.[1] === from;
    const joinsAfter = after?.[0] === to;
    const joined: [number, number] = [
      joinsBefore ? (before?.[0] as number) : from,
      joinsAfter ? (after?.[1] as number) : to,
    ];
    this.#covered.splice(joinsBefore ? at - 1 : at, Number(joinsBefore) + Number(joinsAfter), joined);
    if (this.#covered.length > MOST_RANGES) throw fail('nbd-violation', 'The NBD server answers a read in splinters.');
  }
}

/**
 * Extents of one status chunk: at least one; the last may reach beyond what was asked and is cut there.
 * @param payload after the id of the context
 */
export function readExtents(payload: Buffer, context: string, length: number): StatusExtent[] {
  const extents: StatusExtent[] = [];
  let covered = 0;
  for (let at = 0; at + 8 <= payload.length && covered < length; at += 8) {
    const extent = Math.min(payload.readUInt32BE(at), length - covered);
    if (extent === 0) throw fail('nbd-violation', 'The NBD server sent an empty extent.');
    covered += extent;
    extents.push({ length: extent, flags: payload.readUInt32BE(at + 4) });
  }
  if (extents.length === 0 || payload.length % 8 !== 0) {
    throw fail('nbd-violation', `The NBD server sent no extents of ${context}.`);
  }
  return extents;
}
