import type { KeyObject } from 'node:crypto';
import { u8, u32 } from '../byte-reader.ts';
import type { Side } from '../handshake/schedule.ts';
import { label } from '../labels.ts';
import { hkdfExpand, NONCE_LENGTH, takeKey } from '../primitives.ts';

/** When a stream changes its key. */
export interface GenerationLimits {
  records: number;
  bytes: number;
}

export const GENERATION_LIMITS: GenerationLimits = { records: 2 ** 20, bytes: 64 * 2 ** 30 };

/** The direction a key is for, by the side that sends. */
const DIRECTION = { source: 0, target: 1 } as const;

export interface RecordTurn {
  key: KeyObject;
  nonce: Buffer;
  generation: number;
  sequence: number;
}

/**
 * Keys and counters of one stream in one direction. Both sides run the same rule on the same lengths, so key, nonce,
 * generation and sequence of each record follow from its place alone. The sequence goes on across generations.
 */
export class StreamKeys {
  readonly #secret: KeyObject;
  readonly #context: Buffer;
  readonly #limits: GenerationLimits;
  #generation = 0;
  #sequence = 0;
  #records = 0;
  #bytes = 0;
  #key: KeyObject;
  #iv: Buffer;

  constructor(secret: KeyObject, side: Side, stream: number, limits: GenerationLimits) {
    this.#secret = secret;
    this.#context = Buffer.concat([u8(DIRECTION[side]), u32(stream)]);
    this.#limits = limits;
    [this.#key, this.#iv] = this.#derive();
  }

  /** Key and nonce of the next record, which has `length` bytes of payload. */
  next(length: number): RecordTurn {
    if (this.#records >= this.#limits.records || this.#bytes + length > this.#limits.bytes) this.#renew();
    const sequence = this.#sequence;
    this.#sequence += 1;
    this.#records += 1;
    this.#bytes += length;
    return { key: this.#key, nonce: this.#nonce(sequence), generation: this.#generation, sequence };
  }

  #renew(): void {
    this.#generation += 1;
    this.#records = 0;
    this.#bytes = 0;
    [this.#key, this.#iv] = this.#derive();
  }

  #derive(): [KeyObject, Buffer] {
    const context = Buffer.concat([this.#context, u32(this.#generation)]);
    const key = hkdfExpand(this.#secret, Buffer.concat([label('ifh key'), context]));
    const iv = hkdfExpand(this.#secret, Buffer.concat([label('ifh iv'), context]), NONCE_LENGTH);
    return [takeKey(key), iv];
  }

  #nonce(sequence: number): Buffer {
    const nonce = Buffer.from(this.#iv);
    nonce.writeBigUInt64BE(nonce.readBigUInt64BE(4) ^ BigInt(sequence), 4);
    return nonce;
  }
}
