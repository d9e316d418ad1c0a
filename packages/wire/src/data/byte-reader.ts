import { uuidText } from '@sealift/crypto';
import { fail } from '../failures.ts';

/** Reads the fields of one received message in order. Whatever does not fit ends in `protocol-violation`. */
export class ByteReader {
  readonly #message: string;
  readonly #bytes: Buffer;
  #at = 0;

  /** `message` names the message in failures. */
  constructor(message: string, bytes: Buffer) {
    this.#message = message;
    this.#bytes = bytes;
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  u8(): number {
    return this.#bytes.readUInt8(this.#advance(1));
  }

  u16(): number {
    return this.#bytes.readUInt16BE(this.#advance(2));
  }

  u32(): number {
    return this.#bytes.readUInt32BE(this.#advance(4));
  }

  /** An unsigned 64-bit number within the integers that a double holds exactly. */
  u64(): number {
    const value = this.#bytes.readBigUInt64BE(this.#advance(8));
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) this.violated('a number is beyond 2^53');
    return Number(value);
  }

  /** A view, not a copy. */
  bytes(length: number): Buffer {
    const from = this.#advance(length);
    return this.#bytes.subarray(from, from + length);
  }

  uuid(): string {
    return uuidText(this.bytes(16));
  }

  /** A u16 length and that many bytes of UTF-8. */
  text(longest: number): string {
    const length = this.u16();
    if (length > longest) this.violated(`a text of ${length} bytes is longer than ${longest}`);
    const bytes = this.bytes(length);
    try {
      return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    } catch (cause) {
      return this.violated('a text is not UTF-8', cause);
    }
  }

  /** All that is left, at most `longest` bytes; a view. */
  rest(longest: number): Buffer {
    if (this.left > longest) this.violated(`${this.left} bytes are more than the ${longest} allowed`);
    return this.bytes(this.left);
  }

  /** All that is left as ids of 32 bytes, `fewest` to `most` of them; one view. */
  ids(fewest: number, most: number): Buffer {
    const count = this.left / 32;
    if (!Number.isInteger(count)) this.violated('the list of ids is cut off');
    if (count < fewest || count > most) this.violated(`${count} ids where ${fewest} to ${most} are allowed`);
    return this.bytes(this.left);
  }

  /** Nothing may follow. */
  end(): void {
    if (this.left > 0) this.violated(`${this.left} bytes too many`);
  }

  violated(what: string, cause?: unknown): never {
    throw fail('protocol-violation', `The peer sent a malformed ${this.#message} message: ${what}.`, { cause });
  }

  #advance(length: number): number {
    if (length > this.left) this.violated('it is cut off');
    const from = this.#at;
    this.#at += length;
    return from;
  }
}
