import type { FailureKind, FailureRecord } from '@sealift/core';
import type { ByteReader } from './byte-reader.ts';
import type { ByteWriter } from './byte-writer.ts';

const KINDS: readonly FailureKind[] = ['retry', 'corrupt', 'refused', 'bug'];
/** UTF-16 units; each becomes at most three bytes of UTF-8. */
const LONGEST_TEXT = 2000;
const CODE = /^[a-z0-9]+(-[a-z0-9]+)*$/;
const LONGEST_CODE = 64;

/** u8 kind, text code, text message, text advice. Longer texts are shortened rather than refused by the peer. */
export function writeFailure(writer: ByteWriter, failure: FailureRecord): ByteWriter {
  return writer
    .u8(KINDS.indexOf(failure.kind))
    .text(failure.code)
    .text(failure.message.slice(0, LONGEST_TEXT))
    .text(failure.advice.slice(0, LONGEST_TEXT));
}

export function readFailure(reader: ByteReader): FailureRecord {
  const kind = KINDS[reader.u8()] ?? reader.violated('the kind of a failure is unknown');
  const code = reader.text(LONGEST_CODE);
  if (!CODE.test(code)) reader.violated('the code of a failure is not a code');
  return { kind, code, message: printable(reader), advice: printable(reader) };
}

/** The text ends up in logs and terminals, so the peer may not steer them with control characters. */
function printable(reader: ByteReader): string {
  return reader.text(LONGEST_TEXT * 3).replace(/\p{Cc}/gu, ' ');
}
