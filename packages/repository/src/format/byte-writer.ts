/** Collects big-endian fields in one growing buffer. */
export class ByteWriter {
  #bytes: Buffer;
  #at = 0;

  constructor(expected = 256) {
    this.#bytes = Buffer.allocUnsafeSlow(expected);
  }

  get length(): number {
    return this.#at;
  }

  u8(value: number): this {
    const at = this.#room(1);
    this.#bytes.writeUInt8(value, at);
    return this;
  }

  u16(value: number): this {
    const at = this.#room(2);
    this.#bytes.writeUInt16BE(value, at);
    return this;
  }

  u32(value: number): this {
    const at = this.#room(4);
    this.#bytes.writeUInt32BE(value, at);
    return this;
  }

  u64(value: number): this {
    const at = this.#room(8);
    this.#bytes.writeUInt32BE(Math.floor(value / 0x1_0000_0000), at);
    this.#bytes.writeUInt32BE(value % 0x1_0000_0000, at + 4);
    return this;
  }

  i64(value: bigint): this {
    const at = this.#room(8);
    this.#bytes.writeBigInt64BE(value, at);
    return this;
  }

  bytes(value: Buffer): this {
    const at = this.#room(value.length);
    this.#bytes.set(value, at);
    return this;
  }

  /** A view of what was written so far; it keeps its bytes when more is written. */
  finish(): Buffer {
    return this.#bytes.subarray(0, this.#at);
  }

  /** Makes room first of all: growing replaces the buffer that is written to. */
  #room(length: number): number {
    const at = this.#at;
    const end = at + length;
    if (end > this.#bytes.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(end, this.#bytes.length * 2));
      grown.set(this.#bytes.subarray(0, at));
      this.#bytes = grown;
    }
    this.#at = end;
    return at;
  }
}
