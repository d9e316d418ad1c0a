import { ByteCredit, releaseMemory } from '@sealift/core';
import type { ChunkType } from '@sealift/crypto';
import { encodeChunk, MESSAGE } from '@sealift/wire';
import { fail } from '../failures.ts';
import type { Outgoing } from './reconnecting-link.ts';

/** A chunk ready for the wire. */
export interface SealedPart {
  type: ChunkType;
  id: Buffer;
  /** Ids of the members of a bundle, 32 bytes each; empty for other types. */
  members: Buffer;
  body: Buffer;
}

/**
 * The chunks that were handed over and are not yet durable at the target, in order: at most `limit` bytes, so this is
 * both the flow control of a run and all that ever has to be sent twice.
 */
export class SendWindow {
  readonly #credit: ByteCredit;
  #chunks: SealedPart[] = [];
  /** How many of `#chunks` were sent on the present link. */
  #sent = 0;
  /** Sequence number, on the present link, of the chunk before the first of `#chunks`. */
  #acknowledged = 0;

  constructor(limit: number) {
    this.#credit = new ByteCredit(limit);
  }

  get bytes(): number {
    return this.#credit.out;
  }

  /** Resolves when the chunk fits into the window. */
  async accept(chunk: SealedPart, signal: AbortSignal): Promise<void> {
    await this.#credit.take(chunk.body.length, signal);
    this.#chunks.push(chunk);
  }

  next(): Outgoing | undefined {
    const chunk = this.#chunks[this.#sent];
    if (chunk === undefined) return undefined;
    this.#sent++;
    return { kind: MESSAGE.chunk, parts: encodeChunk({ sequence: this.#acknowledged + this.#sent, ...chunk }) };
  }

  acknowledge(sequence: number): void {
    const count = sequence - this.#acknowledged;
    if (count < 0 || count > this.#sent) {
      throw fail('protocol-violation', `The target acknowledged chunk ${sequence}, which was not sent.`);
    }
    for (const { body } of this.#chunks.splice(0, count)) {
      this.#credit.give(body.length);
      releaseMemory(body);
    }
    this.#acknowledged = sequence;
    this.#sent -= count;
  }

  /** A new link counts from one, and sends everything unacknowledged again. */
  restart(): void {
    this.#sent = 0;
    this.#acknowledged = 0;
  }

  /** Resolves when everything accepted is durable at the target. */
  async drained(signal: AbortSignal): Promise<void> {
    // With the whole budget taken, everything before has been given back.
    await this.#credit.take(this.#credit.limit, signal);
    this.#credit.give(this.#credit.limit);
  }
}
