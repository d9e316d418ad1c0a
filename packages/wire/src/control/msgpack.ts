import { Packr } from 'msgpackr';
import { fail } from '../failures.ts';

const packr = new Packr({ useRecords: false, int64AsType: 'number', copyBuffers: true });
const DEEPEST = 12;

/** msgpack with fields that are `undefined` left out. */
export function encodeMessage(message: Record<string, unknown>): Buffer {
  return Buffer.from(packr.pack(withoutUndefined(message)));
}

function withoutUndefined(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutUndefined);
  if (typeof value !== 'object' || value === null || Buffer.isBuffer(value)) return value;
  const fields = Object.entries(value).filter(([, field]) => field !== undefined);
  return Object.fromEntries(fields.map(([name, field]) => [name, withoutUndefined(field)]));
}

/**
 * Decodes one msgpack value from a peer. The bytes are walked first, so that the decoder never sees a length beyond
 * the message, an extension type (it would build dates, expressions and records from them) or deep nesting.
 */
export function decodeMessage(bytes: Buffer): unknown {
  let end: number;
  try {
    end = skipValue(bytes, 0, 0);
  } catch (thrown) {
    if (thrown instanceof RangeError)
      throw fail('protocol-violation', 'A control message ends in the middle of a value.');
    throw thrown;
  }
  if (end !== bytes.length) throw fail('protocol-violation', 'A control message has bytes after its value.');
  try {
    return packr.unpack(bytes);
  } catch (cause) {
    throw fail('protocol-violation', 'A control message is no well-formed MessagePack.', { cause });
  }
}

/** Where the value that begins at `at` ends. Reading past the end throws RangeError. */
function skipValue(bytes: Buffer, at: number, depth: number): number {
  if (depth > DEEPEST) throw fail('protocol-violation', 'A control message is nested too deeply.');
  const head = bytes.readUInt8(at);
  const first = at + 1;
  if (head < 0x80 || head >= 0xe0) return first;
  if (head < 0x90) return skipItems(bytes, first, (head & 0x0f) * 2, depth);
  if (head < 0xa0) return skipItems(bytes, first, head & 0x0f, depth);
  if (head < 0xc0) return skipBytes(bytes, first, head & 0x1f);
  const skip = LONG_FORMS[head];
  if (skip === undefined)
    throw fail('protocol-violation', `A control message holds a value of type 0x${head.toString(16)}.`);
  return skip(bytes, first, depth);
}

type Skip = (bytes: Buffer, at: number, depth: number) => number;

function fixed(size: number): Skip {
  return (bytes, at) => skipBytes(bytes, at, size);
}

function counted(width: number, itemsPerCount: number): Skip {
  return (bytes, at, depth) => skipItems(bytes, at + width, bytes.readUIntBE(at, width) * itemsPerCount, depth);
}

function sized(width: number): Skip {
  return (bytes, at) => skipBytes(bytes, at + width, bytes.readUIntBE(at, width));
}

const LONG_FORMS: Record<number, Skip> = {
  ...{ 192: fixed(0), 194: fixed(0), 195: fixed(0) },
  ...{ 196: sized(1), 197: sized(2), 198: sized(4) },
  ...{ 202: fixed(4), 203: fixed(8) },
  ...{ 204: fixed(1), 205: fixed(2), 206: fixed(4), 207: fixed(8) },
  ...{ 208: fixed(1), 209: fixed(2), 210: fixed(4), 211: fixed(8) },
  ...{ 217: sized(1), 218: sized(2), 219: sized(4) },
  ...{ 220: counted(2, 1), 221: counted(4, 1), 222: counted(2, 2), 223: counted(4, 2) },
};

function skipBytes(bytes: Buffer, at: number, length: number): number {
  if (at + length > bytes.length) throw new RangeError('past the end');
  return at + length;
}

function skipItems(bytes: Buffer, at: number, count: number, depth: number): number {
  let next = at;
  for (let item = 0; item < count; item++) next = skipValue(bytes, next, depth + 1);
  return next;
}
