import { Failure, failureFromRecord } from '@sealift/core';
import {
  DOWNLOAD_OPENING_LENGTH,
  openDownload,
  RECORD_PREFIX_LENGTH,
  readRecordHeader,
  type TaskKeyPair,
} from '@sealift/crypto';
import { Compile } from 'typebox/compile';
import { FailureFields } from '../control/fields.ts';
import { fail } from '../failures.ts';
import { DOWNLOAD_RECORD, type DownloadPart, Head, MAX_DOWNLOAD_RECORD, Missed } from './parts.ts';

const heads = Compile(Head);
const misses = Compile(Missed);
const failures = Compile(FailureFields);

/**
 * Opens a download as it arrives. Ends only when the authenticated end has come.
 * @throws Failure `download-cut-off`, `download-refused`, or the one that ended it at the other side
 */
export async function* readDownload(
  stream: AsyncIterable<Buffer>,
  pair: TaskKeyPair,
  context: Buffer,
): AsyncGenerator<DownloadPart, void, undefined> {
  await using input = new ByteQueue(stream);
  const opener = openDownload(pair, await input.take(DOWNLOAD_OPENING_LENGTH), context);
  for (let first = true; ; first = false) {
    const prefix = await input.take(RECORD_PREFIX_LENGTH);
    const { length } = readRecordHeader(prefix);
    if (length > MAX_DOWNLOAD_RECORD) throw fail('download-refused', `A record of ${length} bytes is too long.`);
    const opened = opener.open([prefix, await input.take(length)]);
    if (opened.type === 'end') return;
    if ((opened.type === DOWNLOAD_RECORD.head) !== first)
      throw fail('download-refused', 'The records are out of order.');
    yield partOf(opened.type as number, (opened as { payload: Buffer }).payload);
  }
}

function partOf(type: number, payload: Buffer): DownloadPart {
  switch (type) {
    case DOWNLOAD_RECORD.head:
      return { kind: 'head', head: checked(heads, payload) };
    case DOWNLOAD_RECORD.data:
      return { kind: 'data', bytes: payload };
    case DOWNLOAD_RECORD.warning: {
      const { path, code, message } = checked(misses, payload);
      return { kind: 'warning', path: Buffer.from(path, 'base64url'), code, message };
    }
    case DOWNLOAD_RECORD.failure:
      throw failureFromRecord(checked(failures, payload));
    default:
      throw fail('download-refused', `A record has the unknown type ${type}.`);
  }
}

function checked<T>(validator: { Check(value: unknown): value is T }, payload: Buffer): T {
  try {
    const value: unknown = JSON.parse(payload.toString('utf8'));
    if (validator.Check(value)) return value;
  } catch (thrown) {
    if (thrown instanceof Failure) throw thrown;
  }
  throw fail('download-refused', 'A record is not what it must be.');
}

/** Bytes of a stream in pieces of the wanted lengths. */
class ByteQueue implements AsyncDisposable {
  readonly #source: AsyncIterator<Buffer>;
  #parts: Buffer[] = [];
  #length = 0;

  constructor(stream: AsyncIterable<Buffer>) {
    this.#source = stream[Symbol.asyncIterator]();
  }

  async take(length: number): Promise<Buffer> {
    while (this.#length < length) {
      const { value, done } = await this.#source.next();
      if (done === true) throw fail('download-cut-off', 'The download broke off before its end.');
      this.#parts.push(value);
      this.#length += value.length;
    }
    const all = Buffer.concat(this.#parts);
    this.#parts = [all.subarray(length)];
    this.#length -= length;
    return all.subarray(0, length);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#source.return?.();
  }
}
