import type { KeyObject } from 'node:crypto';
import { u64 } from '../byte-reader.ts';
import { fail } from '../failures.ts';
import type { Side } from '../handshake/schedule.ts';
import { gcmSealParts } from '../primitives.ts';
import {
  END_STREAM,
  END_TYPE,
  MAX_RECORD_PAYLOAD,
  MAX_STREAMS,
  RECORD_HEADER_LENGTH,
  writeRecordHeader,
} from './record.ts';
import { GENERATION_LIMITS, type GenerationLimits, StreamKeys } from './stream-keys.ts';

/** Seals the records of one direction, in the order in which they are sent. */
export interface RecordSealer {
  /**
   * One record, to be sent as the two pieces end to end. The last part is encrypted straight into the second piece;
   * so the large one should come last. `type` is 1 to 255.
   */
  seal(type: number, stream: number, parts: Buffer[]): [header: Buffer, ciphertext: Buffer];
  /** The record that ends the direction, with authenticated totals. Nothing can be sealed after it. */
  end(): [header: Buffer, ciphertext: Buffer];
}

/** `side` is the one that sends. */
export function createRecordSealer(
  secret: KeyObject,
  side: Side,
  limits: GenerationLimits = GENERATION_LIMITS,
): RecordSealer {
  const streams = new Map<number, StreamKeys>();
  let [records, bytes, ended] = [0, 0, false];

  const sealRecord = (type: number, stream: number, parts: Buffer[]): [Buffer, Buffer] => {
    if (ended) throw fail('stream-ended', 'A record was to be sealed behind the end.');
    const length = parts.reduce((sum, part) => sum + part.length, 0);
    if (length > MAX_RECORD_PAYLOAD) throw fail('limit-exceeded', `A record of ${length} bytes is too long.`);
    const turn = streamOf(streams, stream, () => new StreamKeys(secret, side, stream, limits)).next(length);
    const aad = Buffer.alloc(RECORD_HEADER_LENGTH);
    writeRecordHeader(aad, { type, stream, generation: turn.generation, sequence: turn.sequence, length });
    const { ciphertexts, tag } = gcmSealParts({ key: turn.key, nonce: turn.nonce, aad }, parts);
    records += 1;
    bytes += length;
    const last = ciphertexts.pop() ?? Buffer.alloc(0);
    return [Buffer.concat([aad, tag, ...ciphertexts]), last];
  };

  return {
    seal: (type, stream, parts) => {
      if (!Number.isInteger(type) || type < 1 || type > 255)
        throw fail('limit-exceeded', `There is no record type ${type}.`);
      return sealRecord(type, stream, parts);
    },
    end: () => {
      const last = sealRecord(END_TYPE, END_STREAM, [Buffer.concat([u64(records), u64(bytes)])]);
      ended = true;
      return last;
    },
  };
}

export function streamOf(streams: Map<number, StreamKeys>, stream: number, create: () => StreamKeys): StreamKeys {
  const known = streams.get(stream);
  if (known !== undefined) return known;
  if (stream !== END_STREAM && streams.size >= MAX_STREAMS)
    throw fail('limit-exceeded', `More than ${MAX_STREAMS} streams in one direction.`);
  const created = create();
  streams.set(stream, created);
  return created;
}
