import { fail } from '../failures.ts';

/** Reads big-endian fields from hostile bytes: every read is checked against the end, nothing is copied. */
export class ByteReader {
  readonly #bytes: Buffer;
  readonly #what: string;
  #at = 0;

  /** `what` names the structure in failures. */
  constructor(bytes: Buffer, what: string) {
    this.#bytes = bytes;
    this.#what = what;
  }

  get position(): number {
    return this.#at;
  }

  get remaining(): number {
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

  /** A u64 that a number holds exactly. */
  u64(): number {
    const at = this.#advance(8);
    const value = this.#bytes.readUInt32BE(at) * 0x1_0000_0000 + this.#bytes.readUInt32BE(at + 4);
    if (!Number.isSafeInteger(value)) throw this.damaged(`a number over 2^53 at offset ${at}`);
    return value;
  }

  i64(): bigint {
    return this.#bytes.readBigInt64BE(this.#advance(8));
  }

  /** A view of the next `length` bytes. */
  take(length: number): Buffer {
    const at = this.#advance(length);
    return this.#bytes.subarray(at, at + length);
  }

  /** A count of items that take at least `smallest` bytes each, so that a hostile count reserves no memory. */
  count(smallest: number): number {
    const count = this.u32();
    if (count * smallest > this.remaining) throw this.damaged(`${count} items announced in ${this.remaining} bytes`);
    return count;
  }

  /** Nothing may follow. */
  end(): void {
    if (this.remaining !== 0) throw this.damaged(`${this.remaining} bytes too many`);
  }

  damaged(why: string) {
    return fail('format-damaged', `The ${this.#what} is not well-formed: ${why}.`);
  }

  #advance(length: number): number {
    const at = this.#at;
    if (length > this.#bytes.length - at) throw this.damaged(`it ends at ${this.#bytes.length}, in a field at ${at}`);
    this.#at = at + length;
    return at;
  }
}
