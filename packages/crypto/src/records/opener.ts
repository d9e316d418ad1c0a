import type { KeyObject } from 'node:crypto';
import { fail } from '../failures.ts';
import type { Side } from '../handshake/schedule.ts';
import { gcmOpenJoined } from '../primitives.ts';
import {
  END_PAYLOAD_LENGTH,
  END_STREAM,
  END_TYPE,
  MAX_RECORD_PAYLOAD,
  RECORD_HEADER_LENGTH,
  RECORD_PREFIX_LENGTH,
  type RecordHeader,
  readRecordHeader,
} from './record.ts';
import { streamOf } from './sealer.ts';
import { GENERATION_LIMITS, type GenerationLimits, StreamKeys } from './stream-keys.ts';

export type OpenedRecord = { type: number; stream: number; payload: Buffer } | { type: 'end' };

/** Opens the records of one direction: each exactly once, in order, none missing. After a refusal it opens nothing. */
export interface RecordOpener {
  /** A record, whole or in the pieces in which it arrived. */
  open(message: Buffer | readonly Buffer[]): OpenedRecord;
}

/** `side` is the one that sends. */
export function createRecordOpener(
  secret: KeyObject,
  side: Side,
  limits: GenerationLimits = GENERATION_LIMITS,
): RecordOpener {
  return new Opener((stream) => new StreamKeys(secret, side, stream, limits));
}

class Opener implements RecordOpener {
  readonly #streams = new Map<number, StreamKeys>();
  readonly #createKeys: (stream: number) => StreamKeys;
  #state: 'open' | 'ended' | 'refused' = 'open';
  #records = 0;
  #bytes = 0;

  constructor(createKeys: (stream: number) => StreamKeys) {
    this.#createKeys = createKeys;
  }

  open(message: Buffer | readonly Buffer[]): OpenedRecord {
    if (this.#state === 'ended') throw refused('came behind the end of the stream');
    if (this.#state === 'refused') throw refused('came behind one that was refused');
    this.#state = 'refused';
    const opened = this.#openNext(pieces(message));
    this.#state = opened.type === 'end' ? 'ended' : 'open';
    return opened;
  }

  #openNext([prefix, ...rest]: Buffer[]): OpenedRecord {
    const [first, body] = [prefix as Buffer, rest];
    const header = readRecordHeader(first);
    const payload = this.#authentic(header, first, body);
    if (header.type === END_TYPE) {
      this.#checkTotals(payload);
      return { type: 'end' };
    }
    this.#records += 1;
    this.#bytes += header.length;
    return { type: header.type, stream: header.stream, payload };
  }

  #authentic(header: RecordHeader, prefix: Buffer, body: Buffer[]): Buffer {
    checkForm(header, prefix, body);
    const turn = streamOf(this.#streams, header.stream, () => this.#createKeys(header.stream)).next(header.length);
    if (header.generation !== turn.generation || header.sequence !== turn.sequence) {
      throw refused(`has number ${header.sequence} where ${turn.sequence} of stream ${header.stream} is due`);
    }
    const aad = prefix.subarray(0, RECORD_HEADER_LENGTH);
    const tag = prefix.subarray(RECORD_HEADER_LENGTH, RECORD_PREFIX_LENGTH);
    const parts = [prefix.subarray(RECORD_PREFIX_LENGTH), ...body].filter((part) => part.length > 0);
    const opened = gcmOpenJoined({ key: turn.key, nonce: turn.nonce, aad, tag }, parts, header.length);
    if (opened === undefined) throw refused(`${header.sequence} of stream ${header.stream} was altered on the way`);
    return opened;
  }

  #checkTotals(payload: Buffer): void {
    const [records, bytes] = [Number(payload.readBigUInt64BE(0)), Number(payload.readBigUInt64BE(8))];
    if (records !== this.#records || bytes !== this.#bytes) {
      throw refused(`ends ${records} records, ${bytes} bytes; ${this.#records}, ${this.#bytes} arrived`);
    }
  }
}

/** The pieces of a message, the first of which holds at least the header and the tag. */
function pieces(message: Buffer | readonly Buffer[]): Buffer[] {
  if (Buffer.isBuffer(message)) return atLeastPrefix([message]);
  const [first] = message;
  return atLeastPrefix(
    first !== undefined && first.length >= RECORD_PREFIX_LENGTH ? [...message] : [Buffer.concat(message)],
  );
}

function atLeastPrefix(parts: Buffer[]): Buffer[] {
  const [first] = parts;
  if (first === undefined || first.length < RECORD_PREFIX_LENGTH) throw refused('is too short');
  return parts;
}

function checkForm(header: RecordHeader, prefix: Buffer, body: Buffer[]): void {
  const length = body.reduce((sum, part) => sum + part.length, prefix.length - RECORD_PREFIX_LENGTH);
  if (header.length !== length || length > MAX_RECORD_PAYLOAD) {
    throw refused(`declares ${header.length} bytes and has ${length}`);
  }
  if (header.type === END_TYPE && (header.stream !== END_STREAM || length !== END_PAYLOAD_LENGTH)) {
    throw refused('is an end of the wrong form');
  }
}

function refused(how: string) {
  return fail('record-refused', `A record ${how}.`);
}
