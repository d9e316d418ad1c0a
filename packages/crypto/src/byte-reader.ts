import type { Failure } from '@sealift/core';

/** Reads a binary layout from the front, never beyond its end. Views, no copies. `refuse` makes the failure to throw. */
export class ByteReader {
  readonly #bytes: Buffer;
  readonly #refuse: (what: string) => Failure;
  #offset = 0;

  constructor(bytes: Buffer, refuse: (what: string) => Failure) {
    this.#bytes = bytes;
    this.#refuse = refuse;
  }

  get remaining(): number {
    return this.#bytes.length - this.#offset;
  }

  bytes(length: number): Buffer {
    if (length > this.remaining) throw this.#refuse(`ends ${length - this.remaining} bytes too early`);
    const start = this.#offset;
    this.#offset += length;
    return this.#bytes.subarray(start, this.#offset);
  }

  u8(): number {
    return this.bytes(1).readUInt8();
  }

  u16(): number {
    return this.bytes(2).readUInt16BE();
  }

  u32(): number {
    return this.bytes(4).readUInt32BE();
  }

  /** A 64-bit integer that must fit a double without loss. */
  u64(): number {
    const value = this.bytes(8).readBigUInt64BE();
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw this.#refuse('holds a number beyond 2^53');
    return Number(value);
  }

  /** Bytes behind a u16 length of at most `limit`. */
  prefixed16(limit: number): Buffer {
    const length = this.u16();
    if (length > limit) throw this.#refuse(`has a field of ${length} bytes where ${limit} are the most`);
    return this.bytes(length);
  }

  /** The layout must be over: trailing bytes are refused. */
  end(): void {
    if (this.remaining > 0) throw this.#refuse(`has ${this.remaining} bytes too many`);
  }
}

export function u8(value: number): Buffer {
  return Buffer.from([value]);
}

export function u16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(value);
  return bytes;
}

export function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

export function u64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(value));
  return bytes;
}
