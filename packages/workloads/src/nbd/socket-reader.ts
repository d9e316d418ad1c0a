import type { Duplex } from 'node:stream';
import { fail } from '../failures.ts';

const EVENTS = ['readable', 'end', 'close', 'error'];

/** Takes exactly the bytes asked for from a socket, which is read no faster than they are asked for. One taker at a time. */
export class SocketReader {
  readonly #socket: Duplex;
  #rest: Buffer = Buffer.alloc(0);
  #wake: (() => void) | undefined;
  readonly #onEvent = () => this.#wake?.();

  constructor(socket: Duplex) {
    this.#socket = socket;
    for (const event of EVENTS) socket.on(event, this.#onEvent);
  }

  /** Bytes that came and were not asked for yet. */
  get ahead(): number {
    return this.#rest.length + this.#socket.readableLength;
  }

  /** Somebody else reads from the socket from now on. */
  release(): void {
    for (const event of EVENTS) this.#socket.off(event, this.#onEvent);
  }

  /** @param length the caller bounds it @throws Failure `nbd-closed` */
  async take(length: number): Promise<Buffer> {
    if (this.#rest.length >= length) return this.#cut(length);
    const bytes = Buffer.allocUnsafeSlow(length);
    await this.fill(bytes);
    return bytes;
  }

  /** @throws Failure `nbd-closed` */
  async fill(into: Buffer): Promise<void> {
    for (let filled = 0; filled < into.length; ) {
      if (this.#rest.length === 0) this.#rest = await this.#next();
      filled += this.#cut(Math.min(this.#rest.length, into.length - filled)).copy(into, filled);
    }
  }

  #cut(length: number): Buffer {
    const cut = this.#rest.subarray(0, length);
    this.#rest = this.#rest.subarray(length);
    return cut;
  }

  async #next(): Promise<Buffer> {
    for (;;) {
      const bytes: Buffer | null = this.#socket.read();
      if (bytes !== null) return bytes;
      if (this.#socket.readableEnded || this.#socket.destroyed) throw closed(this.#socket.errored);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}

function closed(cause: Error | null): Error {
  return fail('nbd-closed', `The NBD connection ended${cause === null ? '' : `: ${cause.message}`}.`, { cause });
}
