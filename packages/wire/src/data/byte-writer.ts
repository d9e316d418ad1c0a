import { uuidBytes } from '@sealift/crypto';

/** Collects the fields of a small message; big-endian. Bodies of chunks never pass through here. */
export class ByteWriter {
  readonly #parts: Buffer[] = [];

  u8(value: number): this {
    this.#parts.push(Buffer.of(value));
    return this;
  }

  u16(value: number): this {
    const part = Buffer.alloc(2);
    part.writeUInt16BE(value);
    return this.bytes(part);
  }

  u32(value: number): this {
    const part = Buffer.alloc(4);
    part.writeUInt32BE(value);
    return this.bytes(part);
  }

  u64(value: number): this {
    const part = Buffer.alloc(8);
    part.writeBigUInt64BE(BigInt(value));
    return this.bytes(part);
  }

  bytes(value: Buffer): this {
    this.#parts.push(value);
    return this;
  }

  uuid(value: string): this {
    return this.bytes(uuidBytes(value));
  }

  /** A u16 length and that many bytes of UTF-8. */
  text(value: string): this {
    const bytes = Buffer.from(value);
    return this.u16(bytes.length).bytes(bytes);
  }

  done(): Buffer[] {
    return [Buffer.concat(this.#parts)];
  }
}
