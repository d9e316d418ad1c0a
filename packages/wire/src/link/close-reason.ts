import { Failure } from '@sealift/core';
import { fail } from '../failures.ts';

/** Both directions have ended with END. */
export const CLOSE_DONE = 1000;
/** The link ends with a failure that trying again does not cure; the reason says which. */
const CLOSE_REFUSED = 4000;
/** The link ends with a failure that may pass. */
const CLOSE_RETRY = 4001;
/** RFC 6455 section 7.4.1: the peer found a message malformed, forbidden or too large. */
const CLOSE_VIOLATION: ReadonlySet<number> = new Set([1002, 1003, 1007, 1008, 1009]);

/** A close frame has room for 123 bytes of reason (RFC 6455 section 5.5). */
const LONGEST_REASON = 123;
const REASON = /^([a-z0-9-]{1,64}): (.*)$/su;

/** Close code and reason that tell the peer about a failure of this side. */
export function closeReasonOf(failure: Failure): { code: number; reason: string } {
  const reason = shortened(`${failure.code}: ${failure.message}`);
  return { code: failure.kind === 'retry' ? CLOSE_RETRY : CLOSE_REFUSED, reason };
}

/** What a closed connection means when the stream was not at its end. */
export function failureOfClose(code: number, reason: Buffer): Failure {
  if (CLOSE_VIOLATION.has(code)) {
    return fail('protocol-violation', `The peer dropped the link because of a message it does not accept (${code}).`);
  }
  if (code !== CLOSE_REFUSED && code !== CLOSE_RETRY) {
    return fail('disconnected', 'The connection to the peer was cut off.');
  }
  const kind = code === CLOSE_RETRY ? 'retry' : 'refused';
  const [, name, message] = REASON.exec(reason.toString()) ?? [];
  const text = (message ?? 'no reason given').replace(/\p{Cc}/gu, ' ');
  return new Failure(name ?? 'refused-by-peer', kind, `The peer ended the link: ${text}`, {
    advice: 'See the log of the other machine for the details.',
  });
}

function shortened(text: string): string {
  let end = Math.min(text.length, LONGEST_REASON);
  while (Buffer.byteLength(text.slice(0, end)) > LONGEST_REASON) end -= 1;
  return text.slice(0, end).toWellFormed();
}
