import { type Failure, toFailure } from '@sealift/core';
import { type RecordSealer, sealDownload } from '@sealift/crypto';
import { DOWNLOAD_RECORD, type DownloadPart, MAX_DOWNLOAD_RECORD } from './parts.ts';

/** Small pieces are sealed together up to this many bytes. */
const RECORD = 256 * 1024;
const LONGEST_MESSAGE = 1024;

/**
 * Seals a download, head first, as it is to be sent. When `parts` fails, the reader is told under seal, the stream ends in
 * order, and `onFailure` is told.
 */
export async function* writeDownload(
  parts: AsyncIterable<DownloadPart>,
  to: { publicKey: Buffer; context: Buffer },
  onFailure: (failure: Failure) => void,
): AsyncGenerator<Buffer, void, undefined> {
  const { opening, sealer } = sealDownload(to.publicKey, to.context);
  yield opening;
  const data = new PendingData(sealer);
  try {
    for await (const part of parts) {
      if (part.kind === 'data') {
        yield* data.add(part.bytes);
      } else {
        yield* data.flush();
        yield* message(sealer, part);
      }
    }
    yield* data.flush();
  } catch (thrown) {
    const failure = toFailure(thrown);
    const { code, kind, message: text, advice } = failure;
    const told = {
      code: code.slice(0, 64),
      kind,
      message: text.slice(0, LONGEST_MESSAGE),
      advice: advice.slice(0, 1024),
    };
    yield* sealer.seal(DOWNLOAD_RECORD.failure, 0, [Buffer.from(JSON.stringify(told))]);
    onFailure(failure);
  }
  yield* sealer.end();
}

function message(sealer: RecordSealer, part: Exclude<DownloadPart, { kind: 'data' }>): [Buffer, Buffer] {
  if (part.kind === 'head') return sealer.seal(DOWNLOAD_RECORD.head, 0, [Buffer.from(JSON.stringify(part.head))]);
  const { path, code, message } = part;
  const told = { path: path.subarray(0, 4096).toString('base64url'), code, message: message.slice(0, LONGEST_MESSAGE) };
  return sealer.seal(DOWNLOAD_RECORD.warning, 0, [Buffer.from(JSON.stringify(told))]);
}

/** Bytes that wait until they make a record. */
class PendingData {
  readonly #sealer: RecordSealer;
  #parts: Buffer[] = [];
  #length = 0;

  constructor(sealer: RecordSealer) {
    this.#sealer = sealer;
  }

  *add(bytes: Buffer): Generator<Buffer> {
    for (let at = 0; at < bytes.length; at += MAX_DOWNLOAD_RECORD - RECORD) {
      const piece = bytes.subarray(at, at + MAX_DOWNLOAD_RECORD - RECORD);
      this.#parts.push(piece);
      this.#length += piece.length;
      if (this.#length >= RECORD) yield* this.flush();
    }
  }

  *flush(): Generator<Buffer> {
    if (this.#length === 0) return;
    yield* this.#sealer.seal(DOWNLOAD_RECORD.data, 0, this.#parts);
    this.#parts = [];
    this.#length = 0;
  }
}
