import { createCipheriv, createHash } from 'node:crypto';

/** Bytes and numbers that follow from a seed alone: the same data on every machine. */
export class Seeded {
  readonly #stream;
  #numbers: Buffer = Buffer.alloc(0);
  #at = 0;

  constructor(seed: string) {
    const key = createHash('sha256').update(seed).digest();
    this.#stream = createCipheriv('aes-256-ctr', key, Buffer.alloc(16));
  }

  bytes(length: number): Buffer {
    return this.#stream.update(Buffer.alloc(length));
  }

  /** Uniform in [0, 1). */
  fraction(): number {
    if (this.#at >= this.#numbers.length) {
      this.#numbers = this.bytes(64 * 1024);
      this.#at = 0;
    }
    const value = this.#numbers.readUInt32LE(this.#at);
    this.#at += 4;
    return value / 2 ** 32;
  }

  /** Uniform in [0, limit). */
  below(limit: number): number {
    return Math.floor(this.fraction() * limit);
  }

  /** Normal with mean 0 and deviation 1 (Box and Muller). */
  normal(): number {
    return Math.sqrt(-2 * Math.log(1 - this.fraction())) * Math.cos(2 * Math.PI * this.fraction());
  }
}
